"""DSIR importance weights (Xie et al. 2023, https://arxiv.org/abs/2302.03169): is a document more like the target than like the raw text?

Both texts become bags of hashed words and word pairs. A document's log weight is the sum over its n-grams of log p_target − log p_raw of their
buckets, with 1e-8 added to each probability, as in the authors' package; it equals that package's bit for bit up to the order of summation.
"""

import io
from collections.abc import Iterable
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
from shards.folder import output_folder, remove_recorded, write_owned
from shards.record import read_record, sealed

CARD, TABLE = "card.json", "log_ratio.npy"
KIND = "dsir_weights"
_SMOOTHING = 1e-8


class Card(BaseModel):
    """What is read of `card.json`, which `curate fit-importance` writes."""

    kind: Literal["dsir_weights"]
    ngrams: Literal[1, 2]
    buckets: Annotated[int, Field(ge=1)]


class Weights(NamedTuple):
    """`log_weight (n_docs,) float64` in nats, 0 for a text without words; `n_ngrams (n_docs,) int64`."""

    log_weight: np.ndarray
    n_ngrams: np.ndarray


class ImportanceModel:
    """Log ratio of each bucket, (n_buckets,) float64; `ngrams` 1 or 2."""

    def __init__(self, log_ratio: np.ndarray, ngrams: int) -> None:
        self.log_ratio, self.ngrams = log_ratio, ngrams
        self._memory = np.zeros((MEMORY_SLOTS, 3), np.uint64)
        self._scratch = np.zeros(72, np.uint32)
        self.counts = np.zeros(len(log_ratio), np.int64)
        """N-grams seen by bucket, (n_buckets,) int64, over all calls of `weigh`."""

    def weigh(self, texts: pa.Array) -> Weights:
        """Weights of (n_docs,) large_string without nulls."""
        # Python's lower case, which Arrow's is not for a few letters, as the published buckets are of it.
        lowered = pa.array([text.lower() for text in texts.to_pylist()], pa.large_string())
        utf8, offsets = text_buffers(lowered)
        weights, n_ngrams = np.zeros(len(texts)), np.zeros(len(texts), np.int64)
        weigh(utf8, offsets, word_table(), self.ngrams > 1, self.log_ratio, self._memory, self._scratch, self.counts, weights, n_ngrams)
        return Weights(weights, n_ngrams)


def count_ngrams(texts: Iterable[pa.Array], buckets: int, ngrams: int, most: int | None = None) -> tuple[np.ndarray, int]:
    """How often each bucket occurs in texts, (buckets,) int64, and in how many texts; stops after the array that reaches `most` n-grams."""
    model = ImportanceModel(np.zeros(buckets), ngrams)
    n_texts = 0
    for some in texts:
        model.weigh(some)
        n_texts += len(some)
        if most is not None and model.counts.sum() >= most:
            break
    return model.counts, n_texts


def log_ratio(target: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """log(p_target + 1e-8) − log(p_raw + 1e-8) of bucket counts (n_buckets,) int64. Raises CurateError if one side counted nothing."""
    if not target.sum() or not raw.sum():
        raise CurateError(f"importance weights: the {'target' if not target.sum() else 'raw'} text has no words")
    return np.log(target / target.sum() + _SMOOTHING) - np.log(raw / raw.sum() + _SMOOTHING)


def divergence(counts: np.ndarray, target: np.ndarray) -> float:
    """KL(counts ‖ target) of two bags, (n_buckets,) int64, in nats, smoothed as the weights are: DSIR's measure of how near a selection comes."""
    p, q = counts / counts.sum() + _SMOOTHING, target / target.sum() + _SMOOTHING
    return float(np.sum(p * (np.log(p) - np.log(q))))


def gumbel_noise(texts: pa.Array, seed: int) -> np.ndarray:
    """Standard Gumbel noise of each text, (n_docs,) float64, from a hash of its bytes and `seed`: the same whoever asks, in any order."""
    utf8, offsets = text_buffers(texts)
    data = memoryview(utf8.data)
    places = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    hashes = np.array([xxhash.xxh3_64_intdigest(data[start:stop], seed) for start, stop in places], np.uint64)
    uniform = ((hashes >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52
    return -np.log(-np.log(uniform))


def save_importance(folder: Path, ratio: np.ndarray, ngrams: int, card: dict[str, object]) -> None:
    """Write `log_ratio.npy` and, last, `card.json`."""
    card = {"kind": KIND, "ngrams": ngrams, "buckets": len(ratio), **card}
    table = io.BytesIO()
    np.save(table, ratio)
    with output_folder(folder, (CARD, TABLE)):
        remove_recorded(folder, CARD)
        write_owned(folder / TABLE, table.getvalue())
        write_owned(folder / CARD, sealed(card))


@lru_cache(maxsize=4)
def load_importance(path: str) -> ImportanceModel:
    """The weights in a folder of `curate fit-importance`; once per process. Raises CurateError if it holds none."""
    folder = Path(path)
    if not (folder / CARD).is_file() or not (folder / TABLE).is_file():
        raise CurateError(f"importance weights {path}: no {CARD} and {TABLE} there; make them with `curate fit-importance`")
    card = read_record(folder / CARD, Card, error=CurateError, remedy="make them again with `curate fit-importance`")
    try:
        ratio = np.load(folder / TABLE)
        if ratio.shape != (card.buckets,):
            raise ValueError("a card of another table")
        return ImportanceModel(np.ascontiguousarray(ratio, np.float64), card.ngrams)
    except (ValueError, TypeError, OSError, EOFError) as error:
        raise CurateError(f"importance weights {path}: damaged ({error}); make them again with `curate fit-importance`") from None
