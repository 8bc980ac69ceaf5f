"""Positions of bytes of interest in a text, as bit masks with one bit per byte, found in one pass."""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.kernel import inlined, kernel
from curate.kernels.simd import BLOCK, bytes_between, count_ones, trailing_zeros


class Bits(NamedTuple):
    """Bit i & 63 of word i >> 6 stands for byte i; each mask (n_bytes // 64 + 2,) uint64."""

    newlines: np.ndarray
    spaces: np.ndarray
    """ASCII white space."""
    continuations: np.ndarray
    """Continuation bytes of UTF-8."""
    line_breaks: np.ndarray
    """First bytes of all line breaks of `str.splitlines`, newlines included."""
    hashes: np.ndarray
    """`#`."""
    ellipses: np.ndarray
    """First bytes of `…` and of each three consecutive full stops; in longer runs these overlap."""
    n_continuations: np.ndarray
    """(n_bytes // 64 + 2,) int64: set bits of `continuations` before each word."""


def bits_of(utf8: np.ndarray, n_bytes: int) -> Bits:
    """Masks of the first `n_bytes` of a text, which must be followed by PADDING zeros."""
    n_words = n_bytes // BLOCK + 2
    newlines, spaces, continuations, line_breaks, hashes, ellipses = np.zeros((6, n_words), np.uint64)
    bits = Bits(newlines, spaces, continuations, line_breaks, hashes, ellipses, np.zeros(n_words, np.int64))
    _find_bits(utf8, bits)
    return bits


@kernel
def _find_bits(utf8: Any, bits: Any) -> None:
    n = 0
    for word in range(len(bits.newlines) - 1):
        i = word * BLOCK
        newlines = bytes_between(utf8, i, 10, 1)
        continuations = bytes_between(utf8, i, 0x80, 0x40)
        dots = bytes_between(utf8, i, 46, 1)
        bits.newlines[word] = newlines
        bits.spaces[word] = bytes_between(utf8, i, 9, 5) | bytes_between(utf8, i, 28, 5)
        bits.hashes[word] = bytes_between(utf8, i, 35, 1)
        bits.continuations[word] = continuations
        bits.line_breaks[word] = newlines | bytes_between(utf8, i, 11, 3) | bytes_between(utf8, i, 28, 3)
        if dots:
            bits.ellipses[word] = dots & bytes_between(utf8, i + 1, 46, 1) & bytes_between(utf8, i + 2, 46, 1)
        if bytes_between(utf8, i, 0x80, 0x80):
            _find_wide(utf8, i, word, bits)
            n += count_ones(continuations)
        bits.n_continuations[word + 1] = n


@inlined
def _find_wide(utf8: Any, i: int, word: int, bits: Any) -> None:
    """U+0085, U+2028, U+2029 and U+2026."""
    general = bytes_between(utf8, i, 0xE2, 1) & bytes_between(utf8, i + 1, 0x80, 1)
    bits.line_breaks[word] |= bytes_between(utf8, i, 0xC2, 1) & bytes_between(utf8, i + 1, 0x85, 1)
    bits.line_breaks[word] |= general & bytes_between(utf8, i + 2, 0xA8, 2)
    bits.ellipses[word] |= general & bytes_between(utf8, i + 2, 0xA6, 1)


@inlined
def next_bit(bits: Any, start: int, end: int) -> int:
    """Position of the first set bit in start:end, or `end`."""
    if start >= end:
        return end
    word = start >> 6
    bits_left = bits[word] >> np.uint64(start & 63) << np.uint64(start & 63)
    last = (end - 1) >> 6
    while bits_left == 0 and word < last:
        word += 1
        bits_left = bits[word]
    return min((word << 6) + trailing_zeros(bits_left), end)


@inlined
def count_bits(bits: Any, start: int, end: int) -> int:
    """Number of set bits in start:end."""
    if start >= end:
        return 0
    n, first, last = 0, start >> 6, end >> 6
    for word in range(first, last):
        n += count_ones(bits[word])
    return n + count_ones(bits[last] & _below(end)) - count_ones(bits[first] & _below(start))


@inlined
def chars_between(bits: Any, start: int, end: int) -> int:
    """Number of code points in the bytes start:end, which must start and end at character boundaries."""
    return end - start - (_continuations_before(bits, end) - _continuations_before(bits, start))


@inlined
def _continuations_before(bits: Any, i: int) -> int:
    return bits.n_continuations[i >> 6] + count_ones(bits.continuations[i >> 6] & _below(i))


@inlined
def _below(i: int) -> Any:
    return (np.uint64(1) << np.uint64(i & 63)) - np.uint64(1)
