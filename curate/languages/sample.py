"""Samples of long texts, which identify a language as well as the whole text does."""

from typing import Any

import numpy as np
import pyarrow as pa

from curate.kernels.buffers import text_buffers
from curate.kernels.kernel import inlined, kernel

PIECE_BYTES = 128
_SPACE = 32
_WORD_BYTES = 24
"""Upper limit of bytes removed at each end of a piece so that it begins and ends between words."""


def sample_texts(texts: pa.Array, max_bytes: int, piece_bytes: int = PIECE_BYTES, between: int = _SPACE) -> pa.Array:
    """Texts of up to `max_bytes` unchanged; of longer ones at most `max_bytes`, in pieces of `piece_bytes` spread evenly over the text.

    Pieces are joined by the byte `between`. They never cut a character, and cut only long words. large_string in and out, (n_texts,).
    """
    utf8, offsets = text_buffers(texts)
    if len(texts) == 0 or int(np.diff(offsets).max()) <= max_bytes:
        return texts
    sampled = np.empty(int(np.minimum(np.diff(offsets), max_bytes).sum()), np.uint8)
    sampled_offsets = np.zeros(len(offsets), np.int64)
    n_bytes = _sample(utf8, offsets, max_bytes, max(max_bytes // piece_bytes, 1), between, sampled, sampled_offsets)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(sampled_offsets), pa.py_buffer(sampled[:n_bytes]))


@kernel
def _sample(utf8: Any, offsets: Any, max_bytes: int, n_pieces: int, between: int, sampled: Any, sampled_offsets: Any) -> int:
    n = 0
    for doc in range(len(offsets) - 1):
        start, stop = offsets[doc], offsets[doc + 1]
        if stop - start <= max_bytes:
            n = _copy(utf8, start, stop, sampled, n)
        else:
            for piece in range(n_pieces):
                first = start + (stop - start) * piece // n_pieces
                last = first + max_bytes // n_pieces - 1
                if n > sampled_offsets[doc]:
                    sampled[n] = between
                    n += 1
                n = _copy(utf8, _forward(utf8, first, last, start), _back(utf8, first, last), sampled, n)
        sampled_offsets[doc + 1] = n
    return n


@inlined
def _copy(utf8: Any, start: int, stop: int, sampled: Any, n: int) -> int:
    for i in range(start, stop):
        sampled[n] = utf8[i]
        n += 1
    return n


@inlined
def _forward(utf8: Any, first: int, last: int, start: int) -> int:
    """Start of the first whole word from `first` on; of the first whole character if no word starts within _WORD_BYTES."""
    if first == start or utf8[first - 1] <= 32:
        return first
    for i in range(first, min(first + _WORD_BYTES, last)):
        if utf8[i] <= 32:
            return i + 1
    while first < last and utf8[first] & 0xC0 == 0x80:
        first += 1
    return first


@inlined
def _back(utf8: Any, first: int, last: int) -> int:
    """End of the last whole word up to `last`; of the last whole character if no word ends within _WORD_BYTES."""
    for i in range(last, max(last - _WORD_BYTES, first), -1):
        if utf8[i] <= 32:
            return i
    while last > first and utf8[last] & 0xC0 == 0x80:
        last -= 1
    return last
