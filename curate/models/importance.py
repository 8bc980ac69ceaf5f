"""DSIR importance weights (Xie et al. 2023, https://arxiv.org/abs/2302.03169): how much more a document is like the target than like the raw text.

A document's log weight is the sum of the log ratios, log p_target − log p_raw, of its n-grams' buckets. It equals that of the authors' package
up to the order of summation. `curate.fit.importance` makes the ratios.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash
from pydantic import BaseModel, Field

from curate.errors import CurateError
from curate.kernels.buffers import text_buffers
from curate.models.importance_kernel import MEMORY_SLOTS, weigh, word_table
from shards.record import read_record

CARD, TABLE = "card.json", "log_ratio.npy"


class ImportanceCard(BaseModel):
    """The keys read from `card.json`, which `curate fit-importance` writes."""

    kind: Literal["dsir_weights"]
    ngrams: Literal[1, 2]
    buckets: Annotated[int, Field(ge=1)]


class Weights(NamedTuple):
    """`log_weight (n_docs,) float64` in nats, 0 for a text without words; `n_ngrams (n_docs,) int64`."""

    log_weight: np.ndarray
    n_ngrams: np.ndarray


class ImportanceModel:
    """`log_ratio` of each bucket, (n_buckets,) float64; `ngrams` 1: words, 2: also pairs of words."""

    def __init__(self, log_ratio: np.ndarray, ngrams: int) -> None:
        self.log_ratio, self.ngrams = log_ratio, ngrams
        self._memory = np.zeros((MEMORY_SLOTS, 3), np.uint64)
        self._scratch = np.zeros(72, np.uint32)
        self.counts = np.zeros(len(log_ratio), np.int64)
        """Number of n-grams per bucket, (n_buckets,) int64, summed over all calls of `weigh`."""

    def weigh(self, texts: pa.Array) -> Weights:
        """Weights of (n_docs,) large_string without nulls."""
        # Published buckets use Python's lower case, which differs from Arrow's for a few letters.
        lowered = pa.array([text.lower() for text in texts.to_pylist()], pa.large_string())
        utf8, offsets = text_buffers(lowered)
        weights, n_ngrams = np.zeros(len(texts)), np.zeros(len(texts), np.int64)
        weigh(utf8, offsets, word_table(), self.ngrams > 1, self.log_ratio, self._memory, self._scratch, self.counts, weights, n_ngrams)
        return Weights(weights, n_ngrams)


def gumbel_noise(texts: pa.Array, seed: int) -> np.ndarray:
    """Standard Gumbel noise, (n_docs,) float64. A text's noise depends only on a hash of its bytes and on `seed`."""
    utf8, offsets = text_buffers(texts)
    data = memoryview(utf8.data)
    spans = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    hashes = np.array([xxhash.xxh3_64_intdigest(data[start:stop], seed) for start, stop in spans], np.uint64)
    uniform = ((hashes >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52
    return -np.log(-np.log(uniform))


@lru_cache(maxsize=4)
def load_importance(path: str) -> ImportanceModel:
    """The weights in a folder of `curate fit-importance`, loaded once per process. Raises CurateError if there are none."""
    folder = Path(path)
    if not (folder / CARD).is_file() or not (folder / TABLE).is_file():
        raise CurateError(f"importance weights {path}: no {CARD} and {TABLE} in it; make them with `curate fit-importance`")
    card = read_record(folder / CARD, ImportanceCard, error=CurateError, remedy="make them again with `curate fit-importance`")
    try:
        ratio = np.load(folder / TABLE)
        if ratio.shape != (card.buckets,):
            raise ValueError(f"{TABLE} does not match {CARD}")
        return ImportanceModel(np.ascontiguousarray(ratio, np.float64), card.ngrams)
    except (ValueError, TypeError, OSError, EOFError) as error:
        raise CurateError(f"importance weights {path}: damaged ({error}); make them again with `curate fit-importance`") from None
