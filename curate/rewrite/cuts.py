"""Remove byte ranges from texts, as decided by line and substring deduplication."""

from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit

from curate.kernels.buffers import text_buffers


def cut_texts(texts: pa.Array, cuts: np.ndarray) -> pa.Array:
    """Texts (n_docs,) large_string, no nulls, without the ranges `cuts` (n, 3) int64: document, start, end; sorted, may overlap.

    Ranges are in bytes of each text's UTF-8 and must begin and end between characters.
    """
    utf8, offsets = text_buffers(texts)
    kept, new_offsets = _cut(utf8, offsets, cuts)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(new_offsets), pa.py_buffer(kept))


@njit(cache=True, nogil=True)
def _cut(utf8: Any, offsets: Any, cuts: Any) -> Any:
    kept = np.empty(offsets[-1] - offsets[0], np.uint8)
    new_offsets = np.zeros(len(offsets), np.int64)
    to, cut = 0, 0
    for doc in range(len(offsets) - 1):
        at, stop = offsets[doc], offsets[doc + 1]
        while cut < len(cuts) and cuts[cut, 0] == doc:
            start = min(offsets[doc] + cuts[cut, 1], stop)
            while at < start:
                kept[to] = utf8[at]
                to, at = to + 1, at + 1
            at = max(at, min(offsets[doc] + cuts[cut, 2], stop))
            cut += 1
        while at < stop:
            kept[to] = utf8[at]
            to, at = to + 1, at + 1
        new_offsets[doc + 1] = to
    return kept[:to].copy(), new_offsets
