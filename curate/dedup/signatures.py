"""Signatures of texts in either hash: our own (`sketch.py`), or datatrove's (`minhash.py`)."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pyarrow as pa

from curate.dedup.minhash import MinHashParams, signatures
from curate.dedup.sketch import sketch_texts
from curate.kernels.buffers import text_buffers
from curate.words.choice import load_splitter

HASH_VERSION = 1
"""Raised when the same text would get another signature."""

Signer = Callable[[pa.Array], tuple[np.ndarray, np.ndarray]]
"""Texts (n_docs,) to signatures (n_docs, n_values) and which documents have one, (n_docs,) bool."""


def signer(name: Literal["fast", "datatrove"], words: str, params: MinHashParams) -> Signer:
    """What signs texts; `words` are a word splitter's name and count for `datatrove` only. Raises CurateError for an unknown one."""
    if name == "datatrove":
        splitter = load_splitter(words)
        return lambda texts: signatures(texts, splitter, params)
    return lambda texts: sketch_texts(*text_buffers(texts), params.ngram, params.n_permutations, params.seed)
