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
    """Contents of a classifier's file."""

    labels: list[str]
    """In the file's order, without `__label__`."""
    label_counts: np.ndarray
    """(n_labels,) int64: occurrences in the training text, in descending order."""
    loss: int
    word_ngrams: int
    min_chars: int
    """Shortest character n-gram."""
    max_chars: int
    """Longest character n-gram; 0 if the model has none."""
    n_buckets: int
    """Hashes of n-grams are taken modulo this."""
    word_bytes: np.ndarray
    """(n_bytes,) uint8 that `word_starts` and `word_ends` point into."""
    word_starts: np.ndarray
    """(n_words,) int64."""
    word_ends: np.ndarray
    """(n_words,) int64."""
    kept_buckets: np.ndarray | None
    """(n_buckets,) int32: row of each bucket, counted after the words' rows; -1 for a pruned bucket. None if no bucket is pruned."""
    rows: np.ndarray
    """(n_words + n_kept, n_dims) float32: input matrix, memory-mapped unless quantised. May be unaligned in memory."""
    output: np.ndarray
    """(n_labels, n_dims) float32."""


def read_fasttext(path: Path | str) -> FastTextFile:
    """Read a supervised model. Quantised matrices are expanded to float32. Raises CurateError if the file is not one."""
    try:
        return _read(np.memmap(path, np.uint8, mode="r"), str(path))
    except (ValueError, struct.error, IndexError) as error:
        raise CurateError(f"{path}: not a fastText model, or a damaged one ({error}); download or train it again") from None


class _Reader:
    def __init__(self, data: np.ndarray):
        self.data, self.position = data, 0

    def values(self, layout: str) -> tuple[Any, ...]:
        layout = "<" + layout
        values = struct.unpack_from(layout, self.data.data, self.position)
        self.position += struct.calcsize(layout)
        return values

    def array(self, dtype: type, *shape: int) -> np.ndarray:
        n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if min(shape) < 0 or self.position + n_bytes > len(self.data):
            raise ValueError("the file is truncated")
        values: np.ndarray = self.data[self.position : self.position + n_bytes].view(dtype).reshape(shape)
        self.position += n_bytes
        return values


def _read(data: np.ndarray, path: str) -> FastTextFile:
    reader = _Reader(data)
    magic, version = reader.values("ii")
    if magic != _MAGIC or version not in _VERSIONS:
        raise ValueError("unknown magic number or version")
    n_dims, _, _, _, _, word_ngrams, loss, model, n_buckets, min_chars, max_chars, _, _ = reader.values("12id")
    if model != _SUPERVISED:
        raise CurateError(f"{path}: a fastText model without labels, so not a classifier; give a supervised model")
    n_entries, n_words, n_labels, _, n_pruned = reader.values("iiiqq")
    starts, ends, counts, reader.position = _entries(data, reader.position, n_entries)
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
        raise ValueError("the shapes of its matrices contradict its arguments")
    labels = [bytes(data[start:end]).decode("utf-8", "replace").removeprefix("__label__") for start, end in zip(starts[n_words:], ends[n_words:], strict=True)]
    words = data[: int(ends[n_words - 1]) if n_words else 0]
    # Supervised models of the older version have no character n-grams, whatever their arguments say.
    longest = 0 if version == _VERSIONS[0] else max_chars
    return FastTextFile(labels, counts[n_words:], loss, word_ngrams, min_chars, longest, n_buckets, words, starts[:n_words], ends[:n_words], kept, rows, output)


def _entries(data: np.ndarray, position: int, n_entries: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Start and end of each entry's text, and its count; words come before labels. Last, the position after the dictionary."""
    starts, ends, counts = (np.zeros(max(n_entries, 0), np.int64) for _ in range(3))
    position = _find_entries(np.asarray(data), position, starts, ends, counts)
    if position < 0:
        raise ValueError("the dictionary is truncated")
    return starts, ends, counts, position


@numba.njit(cache=True, nogil=True)
def _find_entries(data, position, starts, ends, counts):  # type: ignore[no-untyped-def]
    for entry in range(len(starts)):
        starts[entry] = position
        while position < len(data) and data[position] != 0:
            position += 1
        if position + 10 > len(data):
            return -1
        ends[entry] = position
        for byte in range(8):
            counts[entry] |= np.int64(data[position + 1 + byte]) << (8 * byte)
        position += 10  # one zero byte after the text, eight bytes of the count, one of the type
    return position


def _quantised(reader: _Reader) -> np.ndarray:
    """A product-quantised matrix. A row is a norm times its parts; each part is a centroid, given by a byte."""
    has_norms, n_rows, n_dims, n_codes = reader.values("?qqi")
    codes = reader.array(np.uint8, n_codes)
    centroids = _centroids(reader)
    n_parts = len(centroids)
    rows = np.concatenate([part[codes.reshape(n_rows, n_parts)[:, number]] for number, part in enumerate(centroids)], axis=1)
    if rows.shape != (n_rows, n_dims):
        raise ValueError("its codes do not match the shape of its matrix")
    if has_norms:
        norm_codes = reader.array(np.uint8, n_rows)
        rows *= _centroids(reader)[0][norm_codes]
    return np.ascontiguousarray(rows, np.float32)


def _centroids(reader: _Reader) -> list[np.ndarray]:
    """Centroids of each part of a row, (256, dims of the part) float32."""
    n_dims, n_parts, part_dims, last_dims = reader.values("iiii")
    flat = reader.array(np.float32, n_dims * _N_CENTROIDS)
    widths = [part_dims] * (n_parts - 1) + [last_dims]
    ends = np.cumsum(widths) * _N_CENTROIDS
    return [flat[end - width * _N_CENTROIDS : end].reshape(_N_CENTROIDS, width) for end, width in zip(ends, widths, strict=True)]
