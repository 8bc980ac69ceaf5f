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
"""Increased when the same text would get another signature."""

Signer = Callable[[pa.Array], tuple[np.ndarray, np.ndarray]]
"""From texts (n_docs,) to signatures (n_docs, n_values), and which documents have one, (n_docs,) bool."""


def signer(name: Literal["fast", "datatrove"], words: str, params: MinHashParams) -> Signer:
    """The function that signs texts. `words`: a splitter's name, used only for `datatrove`. Raises CurateError for an unknown splitter."""
    if name == "datatrove":
        splitter = load_splitter(words)
        return lambda texts: signatures(texts, splitter, params)
    return lambda texts: sketch_texts(*text_buffers(texts), params.ngram, params.n_permutations, params.seed)
