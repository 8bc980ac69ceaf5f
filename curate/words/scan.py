"""Lengths of runs of letters and of chunks between white space. Functions read up to 64 bytes ahead (`simd.PADDING`)."""

from typing import Any

from curate.kernels.characters import SPACE, code_point_at, width_at
from curate.kernels.kernel import inlined, kernel
from curate.kernels.simd import BLOCK, bytes_between, trailing_zeros


@inlined
def leading_letters(utf8: Any, i: int) -> int:
    """Number of ASCII letters from byte i, at most BLOCK."""
    return trailing_zeros(~(bytes_between(utf8, i, 97, 26) | bytes_between(utf8, i, 65, 26)))


@kernel
def chunk_end(utf8: Any, i: int, end: int, characters: Any) -> int:
    """Position of the first white space from byte i, or `end`."""
    while i < end:
        # All white space beyond ASCII starts with byte C2, E1, E2 or E3.
        stops = bytes_between(utf8, i, 9, 5) | bytes_between(utf8, i, 28, 5) | bytes_between(utf8, i, 0xC2, 1) | bytes_between(utf8, i, 0xE1, 3)
        n_bytes = trailing_zeros(stops)
        i += n_bytes
        if n_bytes < BLOCK:
            if i >= end or characters[code_point_at(utf8, i)] & SPACE:
                break
            i += width_at(utf8, i)
    return min(i, end)
