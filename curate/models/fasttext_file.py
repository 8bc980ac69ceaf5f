"""fastText's model files, `.bin` and quantised `.ftz`, as plain arrays.

The layout is that of fastText 0.9 (Joulin et al. 2017, https://arxiv.org/abs/1607.01759; quantisation: Joulin et al. 2016,
https://arxiv.org/abs/1612.03651): arguments, dictionary, input matrix, output matrix, little-endian and unaligned.
"""

import struct
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np

from curate.errors import CurateError

HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VS_ALL = 1, 2, 3, 4
"""Losses, as numbered in the file."""

_MAGIC, _VERSIONS, _SUPERVISED = 793712314, (11, 12), 3
_LABEL = 1
"""Type of a dictionary entry that is a label."""
_N_CENTROIDS = 256


class FastTextFile(NamedTuple):
    """A classifier's parts."""

    labels: list[str]
    """As trained, `__label__` taken off."""
    label_counts: np.ndarray
    """(n_labels,) int64: occurrences in the training text, in falling order."""
    loss: int
    word_ngrams: int
    min_chars: int
    """Least characters in a character n-gram."""
    max_chars: int
    """Most; 0 if the model has none."""
    n_buckets: int
    """What hashes of n-grams are reduced by."""
    word_bytes: np.ndarray
    """(n_bytes,) uint8 that `word_starts` and `word_ends` point into."""
    word_starts: np.ndarray
    """(n_words,) int64."""
    word_ends: np.ndarray
    """(n_words,) int64."""
    kept_buckets: np.ndarray | None
    """(n_buckets,) int32: row of each bucket after the words' rows, -1 for a pruned one; None if all are kept."""
    rows: np.ndarray
    """(n_words + n_kept, n_dims) float32: input matrix, memory-mapped unless quantised. Not aligned in memory if the file isn't."""
    output: np.ndarray
    """(n_labels, n_dims) float32."""


def read_fasttext(path: Path | str) -> FastTextFile:
    """Read a supervised model. Quantised matrices are expanded to float32. Raises CurateError if it is none."""
    try:
        return _read(np.memmap(path, np.uint8, mode="r"), str(path))
    except (ValueError, struct.error, IndexError) as error:
        raise CurateError(f"{path}: not a fastText model, or a damaged one ({error}); fetch or train it again") from None


class _Reader:
    def __init__(self, data: np.ndarray):
        self.data, self.place = data, 0

    def values(self, layout: str) -> tuple[Any, ...]:
        layout = "<" + layout
        found = struct.unpack_from(layout, self.data.data, self.place)
        self.place += struct.calcsize(layout)
        return found

    def array(self, dtype: type, *shape: int) -> np.ndarray:
        n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if min(shape) < 0 or self.place + n_bytes > len(self.data):
            raise ValueError("it ends early")
        found: np.ndarray = self.data[self.place : self.place + n_bytes].view(dtype).reshape(shape)
        self.place += n_bytes
        return found


def _read(data: np.ndarray, path: str) -> FastTextFile:
    reader = _Reader(data)
    magic, version = reader.values("ii")
    if magic != _MAGIC or version not in _VERSIONS:
        raise ValueError("its first bytes are others")
    n_dims, _, _, _, _, word_ngrams, loss, model, n_buckets, min_chars, max_chars, _, _ = reader.values("12id")
    if model != _SUPERVISED:
        raise CurateError(f"{path}: a fastText model without labels, so it classifies nothing")
    n_entries, n_words, n_labels, _, n_pruned = reader.values("iiiqq")
    starts, ends, counts, place = _entries(data, reader.place, n_entries)
    reader.place = place
    kept = None
    if n_pruned >= 0:
        pairs = reader.array(np.int32, n_pruned, 2) if n_pruned else np.zeros((0, 2), np.int32)
        kept = np.full(n_buckets, -1, np.int32)
        kept[pairs[:, 0]] = pairs[:, 1]
    (is_quantised,) = reader.values("?")
    rows = _quantised(reader) if is_quantised else reader.array(np.float32, *reader.values("qq"))
    (is_output_quantised,) = reader.values("?")
    output = _quantised(reader) if is_quantised and is_output_quantised else np.array(reader.array(np.float32, *reader.values("qq")))
    if rows.shape[1] != n_dims or output.shape != (n_labels, n_dims):
        raise ValueError("its matrices have other shapes than its arguments say")
    labels = [bytes(data[start:end]).decode("utf-8", "replace").removeprefix("__label__") for start, end in zip(starts[n_words:], ends[n_words:], strict=True)]
    words = data[: int(ends[n_words - 1]) if n_words else 0]
    # Older supervised models had no character n-grams, whatever their arguments say.
    longest = 0 if version == _VERSIONS[0] else max_chars
    return FastTextFile(labels, counts[n_words:], loss, word_ngrams, min_chars, longest, n_buckets, words, starts[:n_words], ends[:n_words], kept, rows, output)


def _entries(data: np.ndarray, place: int, n_entries: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Start and end of each entry's text, and its count; words come before labels. Then the place after them."""
    starts, ends, counts = (np.zeros(max(n_entries, 0), np.int64) for _ in range(3))
    place = _find_entries(np.asarray(data), place, starts, ends, counts)
    if place < 0:
        raise ValueError("its dictionary ends early")
    return starts, ends, counts, place


@numba.njit(cache=True, nogil=True)
def _find_entries(data, place, starts, ends, counts):  # type: ignore[no-untyped-def]
    for entry in range(len(starts)):
        starts[entry] = place
        while place < len(data) and data[place] != 0:
            place += 1
        if place + 10 > len(data):
            return -1
        ends[entry] = place
        for byte in range(8):
            counts[entry] |= np.int64(data[place + 1 + byte]) << (8 * byte)
        place += 10  # the text's zero byte, eight of the count, one of the type
    return place


def _quantised(reader: _Reader) -> np.ndarray:
    """A product-quantised matrix: each row is a length times a few centroids, each named by a byte."""
    has_norms, n_rows, n_dims, n_codes = reader.values("?qqi")
    codes = reader.array(np.uint8, n_codes)
    centroids = _centroids(reader)
    n_parts = len(centroids)
    rows = np.concatenate([part[codes.reshape(n_rows, n_parts)[:, number]] for number, part in enumerate(centroids)], axis=1)
    if rows.shape != (n_rows, n_dims):
        raise ValueError("its codes don't fit its matrix")
    if has_norms:
        norm_codes = reader.array(np.uint8, n_rows)
        rows *= _centroids(reader)[0][norm_codes]
    return np.ascontiguousarray(rows, np.float32)


def _centroids(reader: _Reader) -> list[np.ndarray]:
    """Of each part of a row, (256, dims of the part) float32."""
    n_dims, n_parts, part_dims, last_dims = reader.values("iiii")
    flat = reader.array(np.float32, n_dims * _N_CENTROIDS)
    widths = [part_dims] * (n_parts - 1) + [last_dims]
    ends = np.cumsum(widths) * _N_CENTROIDS
    return [flat[end - width * _N_CENTROIDS : end].reshape(_N_CENTROIDS, width) for end, width in zip(ends, widths, strict=True)]
