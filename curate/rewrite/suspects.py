"""Lines in which there may be something to repair: found at the speed of memory, so that patterns see only those."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import text_buffers
from curate.kernels.kernel import kernel

_SUSPECT = np.zeros(256, np.bool_)
_SUSPECT[128:] = True
_SUSPECT[: ord(" ")] = True
_SUSPECT[[ord("\t"), ord("\n")]] = False
_SUSPECT[[ord("&"), 127]] = True


class Suspects(NamedTuple):
    """`docs (n_lines,) int64` ascending, and `lines (n_lines,)` large_string with the line feeds that end them."""

    docs: np.ndarray
    lines: pa.Array


def suspect_lines(texts: pa.Array) -> Suspects:
    r"""Lines, between \n, of texts (n_docs,) large_string that hold anything but printable ASCII without `&`, tabs aside."""
    utf8, offsets = text_buffers(texts)
    nothing = np.empty(0, np.uint8), np.empty(0, np.int64), np.empty(0, np.int64)
    n_lines, n_bytes = _collect(utf8, offsets, _SUSPECT, *nothing, False)
    copied, docs, ends = np.empty(n_bytes, np.uint8), np.empty(n_lines, np.int64), np.empty(n_lines, np.int64)
    _collect(utf8, offsets, _SUSPECT, copied, docs, ends, True)
    line_offsets = np.concatenate([np.zeros(1, np.int64), ends])
    return Suspects(docs, pa.LargeStringArray.from_buffers(n_lines, pa.py_buffer(line_offsets), pa.py_buffer(copied)))


@kernel
def _collect(utf8: Any, offsets: Any, suspect: Any, copied: Any, docs: Any, ends: Any, copy: bool) -> Any:
    """One pass that counts lines and bytes, one that copies: where little is suspect, room for all text would cost more than both."""
    n_lines = n_bytes = 0
    for doc in range(len(offsets) - 1):
        at, stop = offsets[doc], offsets[doc + 1]
        start = at
        while at < stop:
            byte = utf8[at]
            at += 1
            if byte == 10:
                start = at
            elif suspect[byte]:
                while at < stop and utf8[at - 1] != 10:
                    at += 1
                if copy:
                    for place in range(at - start):
                        copied[n_bytes + place] = utf8[start + place]
                n_bytes += at - start
                if copy:
                    docs[n_lines], ends[n_lines] = doc, n_bytes
                n_lines += 1
                start = at
    return n_lines, n_bytes
