"""Cache of short chunks already split by the rules; most chunks that are not plain words recur.

Each chunk has one slot, which holds the last chunk split. Keys are the bytes themselves, so chunks are never confused.
"""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.bytewise import first_bytes, mix
from curate.kernels.hashing import hash_padded
from curate.kernels.kernel import inlined
from curate.kernels.simd import bytes_between, count_ones, load_word, trailing_zeros

LONGEST_CACHED = 16
"""Bytes."""
_N_BITS = 13
_FLAGS_BIT = 24
_ENDS_BIT = 8
_ONE = np.uint64(1)
_LENGTH = np.uint64(0xFF)
_ENDS = np.uint64(0xFFFF)


class ChunkCache(NamedTuple):
    """Chunks by a hash of their bytes. Each array (2**_N_BITS,) uint64."""

    low: np.ndarray
    """First eight bytes."""
    high: np.ndarray
    """The other bytes."""
    words: np.ndarray
    """Bits 0 to 7: length in bytes, 0 if free. Next 16 bits: bit b is set if a word ends with byte b. Then two bits per word: its flags."""


def empty_cache() -> ChunkCache:
    """An empty cache."""
    low, high, words = np.zeros((3, 1 << _N_BITS), np.uint64)
    return ChunkCache(low, high, words)


@inlined
def _key(utf8: Any, start: int, n_bytes: int) -> tuple[Any, Any]:
    low, high = load_word(utf8, start), load_word(utf8, start + 8)
    if n_bytes < 8:
        return first_bytes(low, n_bytes), np.uint64(0)
    return low, high if n_bytes == LONGEST_CACHED else first_bytes(high, n_bytes - 8)


@inlined
def _place(low: Any, high: Any) -> Any:
    return mix(mix(low) ^ high) >> np.uint64(64 - _N_BITS)


@inlined
def put_cached(cache: Any, utf8: Any, start: int, end: int, words: Any, n: int) -> int:
    """Write the words of the chunk utf8[start:end], at most LONGEST_CACHED bytes, at index n. Returns their number, 0 if it is not cached."""
    low, high = _key(utf8, start, end - start)
    place = _place(low, high)
    entry = cache.words[place]
    if entry & _LENGTH != np.uint64(end - start) or cache.low[place] != low or cache.high[place] != high:
        return 0
    continuations = bytes_between(utf8, start, 0x80, 0x40)
    ends, flags = (entry >> np.uint64(_ENDS_BIT)) & _ENDS, entry >> np.uint64(_FLAGS_BIT)
    n_words = first = 0
    while ends:
        last = trailing_zeros(ends) + 1
        inside = (_ONE << np.uint64(last)) - (_ONE << np.uint64(first))
        words.starts[n + n_words], words.ends[n + n_words] = start + first, start + last
        words.n_chars[n + n_words] = last - first - count_ones(continuations & inside)
        words.flags[n + n_words] = flags & np.uint64(3)
        words.hashes[n + n_words] = hash_padded(utf8, start + first, start + last)
        ends &= ends - _ONE
        flags >>= np.uint64(2)
        first = last
        n_words += 1
    return n_words


@inlined
def keep(cache: Any, utf8: Any, start: int, end: int, words: Any, n: int, n_words: int) -> None:
    """Cache the `n_words` words at index n as those of the chunk utf8[start:end], unless it is too long."""
    if end - start > LONGEST_CACHED:
        return
    low, high = _key(utf8, start, end - start)
    entry = np.uint64(end - start)
    for k in range(n_words):
        entry |= _ONE << np.uint64(_ENDS_BIT + words.ends[n + k] - start - 1)
        entry |= np.uint64(words.flags[n + k]) << np.uint64(_FLAGS_BIT + 2 * k)
    place = _place(low, high)
    cache.low[place], cache.high[place], cache.words[place] = low, high, entry
