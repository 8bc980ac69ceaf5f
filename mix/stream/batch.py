"""Rows of a run as arrays."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class RowBatch(NamedTuple):
    """Rows of the run. Segments are pieces of documents in the order in which they lie in their row; those of row `i` are
    `seg_offsets[i]:seg_offsets[i + 1]`, and their lengths sum to `n_tokens[i]`. What follows them in the row is padding."""

    input_ids: NDArray[Any]
    """(n, row_tokens) uint16 or uint32: token ids"""
    row_numbers: NDArray[np.int64]
    """(n,) int64: numbers of the rows in the run"""
    n_tokens: NDArray[np.int32]
    """(n,) int32: real (non-pad) tokens"""
    seg_offsets: NDArray[np.int64]
    """(n + 1,) int64"""
    seg_lengths: NDArray[np.int32]
    """(n_segments,) int32: tokens"""
    seg_sources: NDArray[np.int16]
    """(n_segments,) int16: numbers into `Mix.sources`"""
    seg_doc_ids: NDArray[np.uint8]
    """(n_segments, 16) uint8: xxh3-128 of the document's text"""
    seg_starts: NDArray[np.int64]
    """(n_segments,) int64: the segment's first token inside its document"""
