"""Sets of strings as hash tables for kernels: millions of entries, and words with all their prefixes."""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.buffers import frozen
from curate.kernels.hashing import BASE, scatter
from curate.kernels.kernel import inlined, kernel

_ONE = np.uint64(1)


class WordSet(NamedTuple):
    """Words to search for in text. `beginnings` and `words`: tables for `has`; `pairs (65536,) bool`: whether a pair of bytes may begin a word."""

    beginnings: np.ndarray
    words: np.ndarray
    pairs: np.ndarray


def string_set(entries: list[str]) -> np.ndarray:
    """Open-addressing table of the entries' hashes, (n_slots,) uint64, 0 for free. With n entries, one other string in 2^64 / n collides."""
    return _table([entry.encode() for entry in entries])


def word_set(words: list[str]) -> WordSet:
    """The WordSet of words that have at least one byte each."""
    encoded = [word.encode() for word in words]
    pairs = np.zeros(1 << 16, bool)
    for word in encoded:
        pairs[word[0] << 8 : (word[0] << 8) + 256] |= len(word) == 1
        pairs[word[0] << 8 | word[min(1, len(word) - 1)]] = True
    beginnings = sorted({word[:end] for word in encoded for end in range(1, len(word) + 1)})
    return WordSet(_table(beginnings), _table(encoded), frozen(pairs))


def _table(entries: list[bytes]) -> np.ndarray:
    utf8 = np.frombuffer(b"".join(entries) + b" ", np.uint8)
    offsets = np.append(0, np.cumsum([len(entry) for entry in entries], dtype=np.int64)).astype(np.int64)
    slots = np.zeros(max(16, 1 << (4 * len(entries)).bit_length()), np.uint64)
    _insert(utf8, frozen(offsets), slots)
    return frozen(slots)


@kernel
def _insert(utf8: Any, offsets: Any, slots: Any) -> None:
    mask = np.uint64(len(slots) - 1)
    for entry in range(len(offsets) - 1):
        value = np.uint64(0)
        for i in range(offsets[entry], offsets[entry + 1]):
            value = extended(value, utf8[i])
        slot = scatter(value) & mask
        while slots[slot] != 0 and slots[slot] != value:
            slot = (slot + _ONE) & mask
        slots[slot] = value


@inlined
def extended(value: Any, byte: Any) -> Any:
    """The hash of a string extended by one byte."""
    return value * BASE + (np.uint64(byte) + _ONE)


@inlined
def has(slots: Any, value: Any) -> Any:
    """Whether a table contains a hash."""
    mask = np.uint64(len(slots) - 1)
    slot = scatter(value) & mask
    while slots[slot] != 0:
        if slots[slot] == value:
            return True
        slot = (slot + _ONE) & mask
    return False
