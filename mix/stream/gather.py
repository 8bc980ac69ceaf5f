"""Looking rows up in the memory-mapped files of many sources."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.order import RowRefs
from mix.stream.batch import RowBatch
from mix.stream.packed import Chunk, PackedRows

Allocate = Callable[[tuple[int, int], np.dtype[Any]], NDArray[Any]]
"""(shape, dtype) → an array of any content, for token ids"""


def gather(
    sources: Sequence[PackedRows], refs: RowRefs, row_numbers: NDArray[np.int64], row_tokens: int, dtype: np.dtype[Any], empty: Allocate = np.empty
) -> RowBatch:
    """The rows of `refs` (n,) in that order, one run of rows in one Arrow chunk at a time."""
    input_ids = empty((len(refs.row), row_tokens), dtype)
    n_tokens = np.empty(len(refs.row), np.int32)
    n_segments = np.empty(len(refs.row), np.int64)
    found: list[tuple[Chunk, NDArray[np.int64], NDArray[np.int64]]] = []
    for source in np.unique(refs.source):
        where = np.flatnonzero(refs.source == source)
        for chunk, part, local in sources[source].locate(refs.row[where]):
            places = where[part]
            input_ids[places], n_tokens[places] = chunk.input_ids[local], chunk.n_tokens[local]
            n_segments[places] = chunk.seg_offsets[local + 1] - chunk.seg_offsets[local]
            found.append((chunk, places, local))
    seg_offsets = np.concatenate([[0], np.cumsum(n_segments)])
    total = int(seg_offsets[-1])
    lengths, starts, doc_ids = np.empty(total, np.int32), np.empty(total, np.int64), np.empty((total, 16), np.uint8)
    for chunk, places, local in found:
        inner = _ranges(n_segments[places])
        target = np.repeat(seg_offsets[places], n_segments[places]) + inner
        origin = np.repeat(chunk.seg_offsets[local], n_segments[places]) + inner
        lengths[target], starts[target], doc_ids[target] = chunk.seg_lengths[origin], chunk.seg_starts[origin], chunk.seg_doc_ids[origin]
    return RowBatch(input_ids, row_numbers, n_tokens, seg_offsets, lengths, np.repeat(refs.source, n_segments), doc_ids, starts)


def _ranges(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 … counts[0]-1, 0 … counts[1]-1, …"""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
