"""Words of simplified text with their hashes, and their positions in the original text.

A word is a run of characters between two spaces of the simplified text; in scripts without spaces each character is a word.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from curate.kernels.buffers import frozen
from curate.kernels.hashing import BASE, scatter
from curate.kernels.kernel import inlined, kernel
from curate.words.simplify import NUMBER, SPACE, decode, number_end, simplify, tables


class HashedWords(NamedTuple):
    """Document d has words doc_offsets[d] : doc_offsets[d + 1]; word w is utf8[starts[w] : ends[w]] of the simplified text."""

    utf8: np.ndarray
    doc_offsets: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    hashes: np.ndarray
    """(n_words,) uint64; equal words have equal hashes."""


def hashed_words(utf8: np.ndarray, offsets: np.ndarray) -> HashedWords:
    """Words of the documents utf8[offsets[d] : offsets[d + 1]] (uint8, int64), which are original text."""
    simple, simple_offsets = simplify(utf8, offsets)
    n_room = (len(simple) + len(offsets)) // 2 + 1
    if simple.size and simple.max() >= 0xE0:
        n_room = len(simple) + 1
    doc_offsets, starts, ends, hashes = np.zeros(len(offsets), np.int64), np.empty(n_room, np.int64), np.empty(n_room, np.int64), np.empty(n_room, np.uint64)
    n = _hash_words(frozen(simple), frozen(simple_offsets), doc_offsets, starts, ends, hashes)
    return HashedWords(simple, doc_offsets, starts[:n], ends[:n], hashes[:n])


@inlined
def _is_unspaced(byte: int, second: int) -> Any:
    """Whether a character that starts with these two bytes belongs to a script without spaces.

    Thai, Lao, Tibetan, Burmese, Khmer, kana, Han: U+0E00–109F, 1780–17FF, 3040–30FF, 31C0–9FFF, F900–FAFF, 20000 and above.
    """
    if byte == 0xE0:
        return second >= 0xB8
    if byte == 0xE1:
        return second <= 0x82 or 0x9E <= second <= 0x9F
    if byte == 0xE3:
        return second <= 0x83 or second >= 0x87
    if byte == 0xEF:
        return 0xA4 <= second <= 0xAB
    return 0xE4 <= byte <= 0xE9 or (byte == 0xF0 and second >= 0xA0)


@kernel
def _hash_words(utf8: Any, offsets: Any, doc_offsets: Any, starts: Any, ends: Any, hashes: Any) -> Any:
    n = 0
    for doc in range(len(offsets) - 1):
        at, stop = offsets[doc], offsets[doc + 1]
        while at < stop:
            if utf8[at] == 32:
                at += 1
                continue
            value, starts[n] = np.uint64(0), at
            while at < stop and utf8[at] != 32:
                byte = utf8[at]
                if byte >= 0xE0 and _is_unspaced(byte, utf8[at + 1]):
                    if at > starts[n]:
                        break
                    width = 4 if byte >= 0xF0 else 3
                    for i in range(at, at + width):
                        value = value * BASE + np.uint64(utf8[i]) + np.uint64(1)
                    at += width
                    break
                value = value * BASE + np.uint64(byte) + np.uint64(1)
                at += 1
            ends[n], hashes[n] = at, scatter(value)
            n += 1
        doc_offsets[doc + 1] = n
    return n


def word_places(utf8: np.ndarray, first: int, stop: int, n_words: int) -> tuple[np.ndarray, np.ndarray]:
    """Start and end of the `n_words` words of document utf8[first:stop] in the original text, (n_words,) int64, in bytes from `first`."""
    unicode = tables()
    starts, ends = np.empty(n_words, np.int64), np.empty(n_words, np.int64)
    n = _place_words(utf8, first, stop, unicode.flags, unicode.start, unicode.utf8, starts, ends)
    if n != n_words:
        raise AssertionError(f"{n} words placed, {n_words} words hashed")
    return starts, ends


@njit(cache=True, nogil=True)
def _place_words(utf8: Any, first: int, stop: int, flags: Any, start: Any, replacements: Any, starts: Any, ends: Any) -> Any:
    """The words of `_hash_words`, located in the original: a word begins where a character that simplification keeps follows a space."""
    n, at, inside = 0, first, False
    while at < stop:
        point, width = decode(utf8, at)
        flag = flags[point]
        after = at + width
        if flag & SPACE:
            inside = False
        elif flag & NUMBER:
            after = number_end(utf8, after, stop, flags)
            n, inside = _extend(n, inside, False, at - first, after - first, starts, ends)
        elif start[point + 1] > start[point]:
            byte = replacements[start[point]]
            unspaced = byte >= 0xE0 and _is_unspaced(byte, replacements[start[point] + 1])
            n, inside = _extend(n, inside, unspaced, at - first, after - first, starts, ends)
        at = after
    return n


@inlined
def _extend(n: int, inside: bool, unspaced: bool, begin: int, end: int, starts: Any, ends: Any) -> Any:
    """Extend the open word, or begin one; an unspaced character is a complete word."""
    if unspaced or not inside:
        starts[n] = begin
        n += 1
    ends[n - 1] = end
    return n, not unspaced
