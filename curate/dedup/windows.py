"""Which windows of n bytes occurred earlier: a table of all windows that may repeat, by two independent rolling hashes.

Together the hashes have 125 bits, so equal hashes count as equal bytes, as the 128-bit id of a document does.
"""

from typing import Any

import numpy as np

from curate.kernels.hashing import BASE, scatter
from curate.kernels.kernel import inlined, kernel

SLOT_BYTES = 24
_ONE = np.uint64(1)
_PRIME = np.uint64((1 << 61) - 1)
_PRIME_BASE = np.uint64(1_415_926_535_897_932_384)
"""An arbitrary number below 2^61 - 1: the digits of π."""

_LOW31, _LOW30 = np.uint64((1 << 31) - 1), np.uint64((1 << 30) - 1)
_TWICE = np.int64(-1)
"""In place of a first position: the window occurred again."""

FILL, MARK_LATER, MARK_REPEATED = 0, 1, 2
"""What a pass does: learn windows; learn them and mark repetitions; mark all windows that occur more than once."""


class WindowTable:
    """Windows by their hashes, with the position of the first occurrence; grows as needed."""

    def __init__(self, window_bytes: int, n_slots: int = 1 << 12) -> None:
        self._window_bytes = window_bytes
        self._keys = np.zeros((n_slots, 2), np.uint64)
        self._firsts = np.zeros(n_slots, np.int64)
        self._used = np.zeros(1, np.int64)

    def mark(self, utf8: np.ndarray, begins: np.ndarray, counts: np.ndarray, positions: np.ndarray, action: int, marked: np.ndarray) -> None:
        """Process windows in order: run r has `counts[r]` windows, the first of which starts at byte `begins[r]` of `utf8`.

        `positions[r]` is the position of that byte in the collection, ascending from 1. `marked (n_bytes,)` uint8 is set to 1 for all bytes of
        marked windows. A window that overlaps its first occurrence does not repeat it.
        """
        self._make_room(int(counts.sum()) if action != MARK_REPEATED else 0)
        _mark(utf8, begins, counts, positions, self._window_bytes, action, self._keys, self._firsts, self._used, marked)

    def _make_room(self, n_more: int) -> None:
        n_slots = len(self._firsts)
        while n_slots < 2 * (int(self._used[0]) + n_more):
            n_slots *= 2
        if n_slots > len(self._firsts):
            keys, firsts = np.zeros((n_slots, 2), np.uint64), np.zeros(n_slots, np.int64)
            _move(self._keys, self._firsts, keys, firsts)
            self._keys, self._firsts = keys, firsts


@inlined
def _times(a: Any, b: Any) -> Any:
    """a · b modulo 2^61 - 1, both below it."""
    a_high, a_low, b_high, b_low = a >> np.uint64(31), a & _LOW31, b >> np.uint64(31), b & _LOW31
    middle = a_low * b_high + a_high * b_low
    total = a_high * b_high * np.uint64(2) + (middle >> np.uint64(30)) + ((middle & _LOW30) << np.uint64(31)) + a_low * b_low
    return _reduced(total)


@inlined
def _reduced(value: Any) -> Any:
    value = (value & _PRIME) + (value >> np.uint64(61))
    return value - _PRIME if value >= _PRIME else value


@inlined
def _slot(low: Any, high: Any, keys: Any, firsts: Any) -> Any:
    mask = np.uint64(len(firsts) - 1)
    slot = scatter(low ^ high) & mask
    while firsts[slot] != 0 and (keys[slot, 0] != low or keys[slot, 1] != high):
        slot = (slot + _ONE) & mask
    return slot


@kernel
def _move(keys: Any, firsts: Any, new_keys: Any, new_firsts: Any) -> None:
    for old in range(len(firsts)):
        if firsts[old] != 0:
            slot = _slot(keys[old, 0], keys[old, 1], new_keys, new_firsts)
            new_keys[slot, 0], new_keys[slot, 1], new_firsts[slot] = keys[old, 0], keys[old, 1], firsts[old]


@kernel
def _mark(utf8: Any, begins: Any, counts: Any, positions: Any, n_window: int, action: int, keys: Any, firsts: Any, used: Any, marked: Any) -> None:
    drop, prime_drop = _ONE, _ONE
    for _ in range(n_window - 1):
        drop *= BASE
        prime_drop = _times(prime_drop, _PRIME_BASE)
    low = high = np.uint64(0)
    done_to = np.int64(-1)  # byte up to which the rolling hashes have advanced
    for run in range(len(begins)):
        begin = begins[run]
        if done_to != begin + n_window - 1:
            low = high = np.uint64(0)
            for i in range(begin, begin + n_window - 1):
                value = np.uint64(utf8[i]) + _ONE
                low, high = low * BASE + value, _reduced(_times(high, _PRIME_BASE) + value)
        for start in range(begin, begin + counts[run]):
            value = np.uint64(utf8[start + n_window - 1]) + _ONE
            low, high = low * BASE + value, _reduced(_times(high, _PRIME_BASE) + value)
            slot = _slot(low, high, keys, firsts)
            if _is_copy(slot, positions[run] + start - begin, n_window, action, low, high, keys, firsts, used):
                _cover(marked, start, start + n_window)
            oldest = np.uint64(utf8[start]) + _ONE
            low -= oldest * drop
            high = _reduced(high + _PRIME - _times(oldest, prime_drop))
        done_to = begin + counts[run] + n_window - 1


@inlined
def _is_copy(slot: Any, position: int, n_window: int, action: int, low: Any, high: Any, keys: Any, firsts: Any, used: Any) -> Any:
    first = firsts[slot]
    if action == MARK_REPEATED:
        return first == _TWICE
    if first == 0:
        keys[slot, 0], keys[slot, 1], firsts[slot] = low, high, position
        used[0] += 1
        return False
    later = first == _TWICE or first + n_window <= position
    if later and action == FILL:
        firsts[slot] = _TWICE
    return later and action == MARK_LATER


@inlined
def _cover(marked: Any, start: int, stop: int) -> None:
    """Mark from the end back to the bytes already marked, so that a long repetition costs one step per byte."""
    i = stop - 1
    while i >= start and marked[i] == 0:
        marked[i] = 1
        i -= 1
