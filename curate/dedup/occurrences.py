"""Count 64-bit keys, and number the occurrences of each, in streams that need not fit in memory.

Keys come in document order from a function that can be called again. If the distinct keys would not fit in the memory allowed, the
stream is read several times and each pass looks at the keys of one residue class, so the result is the same with any memory.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from curate.kernels.hashing import scatter
from curate.kernels.kernel import kernel

MEMORY_BYTES = 1 << 30
"""Default memory for a table of keys, in bytes."""

_SLOT_BYTES = 12
_ONE = np.uint64(1)


class Frequent(NamedTuple):
    """A frequent key: its count, and the index of its first occurrence in the stream."""

    key: int
    n_times: int
    first: int


class Ranks(NamedTuple):
    """Whether each key of the stream exceeds the allowed number of occurrences, and the most frequent keys."""

    surplus: np.ndarray
    """(n_keys,) bool."""
    frequent: list[Frequent]


def surplus_occurrences(
    stream: Callable[[], Iterable[np.ndarray]], keep: int = 1, n_frequent: int = 0, memory_bytes: int = MEMORY_BYTES, ignored: int | None = None
) -> Ranks:
    """Mark each key (uint64) that occurred `keep` times or more earlier in the stream; `keep=0` marks all keys that occur at least twice.

    Reads the stream once to count, then once (`keep=0`: twice) for each pass. Keys equal to `ignored` are never marked. Takes
    at most `memory_bytes` for the table, and one byte per key for the result.
    """
    n_keys = sum(len(keys) for keys in stream())
    surplus = np.zeros(n_keys, bool)
    n_passes = passes_for(n_keys, memory_bytes)
    frequent: list[Frequent] = []
    for number in range(n_passes):
        table = _Table(_slots_for(-(-n_keys // n_passes) if n_passes > 1 else n_keys, n_passes))
        for place, keys in _placed(stream):
            table.count(keys, number, n_passes, max(keep, 1), ignored, surplus[place : place + len(keys)])
        if keep == 0:
            for place, keys in _placed(stream):
                table.mark_repeated(keys, number, n_passes, ignored, surplus[place : place + len(keys)])
        frequent = sorted(frequent + table.most_frequent(n_frequent, keep), key=lambda key: (-key.n_times, key.key))[:n_frequent]
    return Ranks(surplus, _located(stream, frequent))


def passes_for(n_keys: int, memory_bytes: int) -> int:
    """Number of passes over a stream of `n_keys` keys such that a half-full table of distinct keys takes at most `memory_bytes`."""
    return max(1, -(-n_keys * 4 * _SLOT_BYTES // memory_bytes))


def _slots_for(n_keys: int, n_passes: int) -> int:
    """Number of slots, a power of two. With several residue classes there is a margin, since they differ in size."""
    margin = 1.0 if n_passes == 1 else 1.1
    return 1 << max(4, int(2 * margin * n_keys).bit_length())


def _placed(stream: Callable[[], Iterable[np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
    place = 0
    for keys in stream():
        yield place, keys
        place += len(keys)


def _located(stream: Callable[[], Iterable[np.ndarray]], frequent: list[Frequent]) -> list[Frequent]:
    wanted = {one.key for one in frequent}
    first: dict[int, int] = {}
    for place, keys in _placed(stream):
        if len(first) == len(wanted):
            break
        left = np.array(sorted(wanted - first.keys()), np.uint64)
        hits = np.flatnonzero(np.isin(keys, left))
        first_keys, where = np.unique(keys[hits], return_index=True)
        first |= {int(key): place + int(hits[index]) for key, index in zip(first_keys, where, strict=True)}
    return [one._replace(first=first[one.key]) for one in frequent]


class _Table:
    """Open addressing with linear probing; count 0 marks a free slot."""

    def __init__(self, n_slots: int) -> None:
        self.keys = np.zeros(n_slots, np.uint64)
        self.counts = np.zeros(n_slots, np.uint32)

    def count(self, keys: np.ndarray, number: int, n_passes: int, keep: int, ignored: int | None, surplus: np.ndarray) -> None:
        _count(keys, np.uint64(number), np.uint64(n_passes), keep, *_skipped(ignored), self.keys, self.counts, surplus)

    def mark_repeated(self, keys: np.ndarray, number: int, n_passes: int, ignored: int | None, surplus: np.ndarray) -> None:
        _mark_repeated(keys, np.uint64(number), np.uint64(n_passes), *_skipped(ignored), self.keys, self.counts, surplus)

    def most_frequent(self, n: int, keep: int) -> list[Frequent]:
        slots = np.flatnonzero(self.counts > max(keep, 1))
        order = np.lexsort((self.keys[slots], -self.counts[slots].astype(np.int64)))[:n]
        return [Frequent(int(self.keys[slot]), int(self.counts[slot]), -1) for slot in slots[order]]


def _skipped(ignored: int | None) -> tuple[bool, np.uint64]:
    return ignored is not None, np.uint64(ignored or 0)


@kernel
def _slot(key: Any, table: Any, counts: Any) -> Any:
    mask = np.uint64(len(table) - 1)
    slot = scatter(key) & mask
    while counts[slot] != 0 and table[slot] != key:
        slot = (slot + _ONE) & mask
    return slot


@kernel
def _count(keys: Any, number: Any, n_passes: Any, keep: int, skips: bool, ignored: Any, table: Any, counts: Any, surplus: Any) -> None:
    for i in range(len(keys)):
        key = keys[i]
        if key % n_passes == number and not (skips and key == ignored):
            slot = _slot(key, table, counts)
            table[slot] = key
            surplus[i] = counts[slot] >= keep
            if counts[slot] < np.uint32(0xFFFFFFFF):
                counts[slot] += np.uint32(1)


@kernel
def _mark_repeated(keys: Any, number: Any, n_passes: Any, skips: bool, ignored: Any, table: Any, counts: Any, surplus: Any) -> None:
    for i in range(len(keys)):
        key = keys[i]
        if key % n_passes == number and not (skips and key == ignored):
            surplus[i] = counts[_slot(key, table, counts)] > 1
