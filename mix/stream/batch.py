"""Rows of a run as arrays, gathered from the memory-mapped files of many sources."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.order import RowRefs
from mix.stream.packed import PackedRows

Allocate = Callable[[tuple[int, int], np.dtype[Any]], NDArray[Any]]
"""(shape, dtype) → an uninitialised array for token ids"""


class RowBatch(NamedTuple):
    """Rows of the run. Segments are pieces of documents in the order of their row; those of row `i` are `seg_offsets[i]:seg_offsets[i + 1]`, and
    their lengths sum to `n_tokens[i]`. The rest of the row is padding."""

    input_ids: NDArray[Any]
    """(n, row_tokens) uint16 or uint32: token ids; shorter rows are padded to the longest of the batch"""
    row_numbers: NDArray[np.int64]
    """(n,) int64: numbers of the rows in the run"""
    n_tokens: NDArray[np.int32]
    """(n,) int32: real (non-pad) tokens"""
    seg_offsets: NDArray[np.int64]
    """(n + 1,) int64"""
    seg_lengths: NDArray[np.int32]
    """(n_segments,) int32: tokens"""
    seg_sources: NDArray[np.int16]
    """(n_segments,) int16: indices into `Mix.sources`"""
    seg_doc_ids: NDArray[np.uint8]
    """(n_segments, 16) uint8: xxh3-128 of the document's text"""
    seg_starts: NDArray[np.int64]
    """(n_segments,) int64: index of the segment's first token in its document"""


def gather(
    sources: Sequence[PackedRows],
    refs: RowRefs,
    row_numbers: NDArray[np.int64],
    row_tokens: int,
    pad_id: int,
    dtype: np.dtype[Any],
    empty: Allocate = np.empty,
) -> RowBatch:
    """The rows of `refs` (n,) in that order, the longest of them of `row_tokens` tokens. `seg_sources` are those of `refs`.

    A loop over rows, because almost every row of a batch lies elsewhere; one core still moves hundreds of millions of ids a second.
    """
    input_ids = empty((len(refs.row), row_tokens), dtype)
    n_tokens = np.empty(len(refs.row), np.int32)
    lengths, starts, doc_ids = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty((0, 16), np.uint8)]
    for index, (source, row) in enumerate(zip(refs.source.tolist(), refs.row.tolist(), strict=True)):
        chunk, local = sources[source].find(row)
        ids = chunk.input_ids[local]
        input_ids[index, : len(ids)], n_tokens[index] = ids, chunk.n_tokens[local]
        input_ids[index, len(ids) :] = pad_id
        segments = slice(chunk.seg_offsets[local], chunk.seg_offsets[local + 1])
        lengths.append(chunk.seg_lengths[segments])
        starts.append(chunk.seg_starts[segments])
        doc_ids.append(chunk.seg_doc_ids[segments])
    n_segments = np.array([len(part) for part in lengths[1:]], np.int64)
    seg_offsets = np.concatenate([[0], np.cumsum(n_segments)])
    seg_sources = np.repeat(refs.source, n_segments)
    return RowBatch(input_ids, row_numbers, n_tokens, seg_offsets, np.concatenate(lengths), seg_sources, np.concatenate(doc_ids), np.concatenate(starts))
