"""Reusable hash table from key to first position. Clearing it is O(1), so one table serves many documents."""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.kernel import inlined

_SLOTS_PER_KEY = 4
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class Positions(NamedTuple):
    """An open-addressing table. The caller compares keys, at the position in a slot."""

    slots: np.ndarray
    """(n_slots,) uint32: `first` of the current user + position. Smaller values were left by earlier users and count as free."""
    state: np.ndarray
    """(3,) int64: `first`, the next user's `first`, and the number of key bits that choose the slot."""


def new_positions(n_places: int) -> Positions:
    """A table for positions below `n_places`."""
    n_bits = max(4, (_SLOTS_PER_KEY * n_places - 1).bit_length())
    return Positions(np.zeros(1 << n_bits, np.uint32), np.array([1, 1, n_bits], np.int64))


@inlined
def clear(table: Any, n_places: int, n_keys: int) -> None:
    """Clear the table for up to `n_keys` keys at positions below `n_places`."""
    if table.state[1] + n_places >= 0xFFFFFFFF:
        table.slots[:] = 0
        table.state[1] = 1
    table.state[0] = table.state[1]
    table.state[1] += n_places
    n_bits = 4
    while (1 << n_bits) < _SLOTS_PER_KEY * n_keys:
        n_bits += 1
    table.state[2] = n_bits


@inlined
def slot_of(table: Any, key: Any) -> Any:
    """The first slot to probe for a key."""
    return np.int64((key * _MULTIPLIER) >> np.uint64(64 - table.state[2]))


@inlined
def place_at(table: Any, slot: int) -> Any:
    """The position stored in a slot; negative if the slot is free."""
    return np.int64(table.slots[slot]) - table.state[0]


@inlined
def note(table: Any, slot: int, place: int) -> None:
    """Store a position in a free slot."""
    table.slots[slot] = np.uint32(table.state[0] + place)


@inlined
def next_slot(table: Any, slot: int) -> int:
    """The next slot to probe."""
    return (slot + 1) & ((1 << table.state[2]) - 1)
