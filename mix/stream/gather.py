"""Gathering rows from the memory-mapped files of many sources."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.order import RowRefs
from mix.stream.batch import RowBatch
from mix.stream.packed import PackedRows

Allocate = Callable[[tuple[int, int], np.dtype[Any]], NDArray[Any]]
"""(shape, dtype) → an array of any content, for token ids"""


def gather(
    sources: Sequence[PackedRows], refs: RowRefs, row_numbers: NDArray[np.int64], row_tokens: int, dtype: np.dtype[Any], empty: Allocate = np.empty
) -> RowBatch:
    """The rows of `refs` (n,) in that order.

    A loop over rows, since a batch's rows lie in about as many places as it has rows; one core still moves hundreds of millions of ids a second.
    """
    input_ids = empty((len(refs.row), row_tokens), dtype)
    n_tokens = np.empty(len(refs.row), np.int32)
    lengths, starts, doc_ids = [np.empty(0, np.int32)], [np.empty(0, np.int64)], [np.empty((0, 16), np.uint8)]
    for place, (source, row) in enumerate(zip(refs.source.tolist(), refs.row.tolist(), strict=True)):
        chunk, local = sources[source].find(row)
        input_ids[place], n_tokens[place] = chunk.input_ids[local], chunk.n_tokens[local]
        segments = slice(chunk.seg_offsets[local], chunk.seg_offsets[local + 1])
        lengths.append(chunk.seg_lengths[segments])
        starts.append(chunk.seg_starts[segments])
        doc_ids.append(chunk.seg_doc_ids[segments])
    n_segments = np.array([len(part) for part in lengths[1:]], np.int64)
    seg_offsets = np.concatenate([[0], np.cumsum(n_segments)])
    seg_sources = np.repeat(refs.source, n_segments)
    return RowBatch(input_ids, row_numbers, n_tokens, seg_offsets, np.concatenate(lengths), seg_sources, np.concatenate(doc_ids), np.concatenate(starts))
