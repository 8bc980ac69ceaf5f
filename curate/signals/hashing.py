"""Polynomial hashes of byte strings, modulo 2^64: the hash of a concatenation follows from the hashes of its parts.

hash(xy) = hash(x) · BASE^len(y) + hash(y), with each byte b entering as b + 1. So the hash of any run of words costs two
multiplications, and ["a", "bc"] and ["ab", "c"] joined without a separator get the same hash, as their equal text demands.
"""

from typing import Any

import numpy as np

from curate.signals.kernel import inlined, kernel

BASE = np.uint64(0x9E3779B97F4A7C15)
"""Any large odd number does; this one is 2^64 divided by the golden ratio."""

N_POWERS = 4096
_MIX = np.uint64(0xD6E8FEB86659FD93)
_ONE = np.uint64(1)


def base_powers() -> np.ndarray:
    """BASE^0 … BASE^(N_POWERS - 1) modulo 2^64, (N_POWERS,) uint64."""
    factors = np.full(N_POWERS, BASE, np.uint64)
    factors[0] = _ONE
    return np.multiply.accumulate(factors)


POWERS = base_powers()


@inlined
def hash_bytes(utf8: Any, start: int, end: int) -> Any:
    """Hash of utf8[start:end], uint64."""
    value = np.uint64(0)
    for i in range(start, end):
        value = value * BASE + (np.uint64(utf8[i]) + _ONE)
    return value


def text_hash(text: str) -> np.uint64:
    """`hash_bytes` of a text's UTF-8."""
    utf8 = np.frombuffer(text.encode(), np.uint8)
    return np.uint64(hash_bytes(utf8, 0, len(utf8)))


@inlined
def power(powers: Any, n_bytes: int) -> Any:
    """BASE^n_bytes for any n_bytes."""
    if n_bytes < N_POWERS:
        return powers[n_bytes]
    value = _ONE
    step = powers[N_POWERS - 1]
    while n_bytes >= N_POWERS:
        value *= step
        n_bytes -= N_POWERS - 1
    return value * powers[n_bytes]


@inlined
def scatter(value: Any) -> Any:
    """Spread a hash over all 64 bits, so that its low bits may choose a slot."""
    value = (value ^ (value >> np.uint64(32))) * _MIX
    return value ^ (value >> np.uint64(29))


def hash_set(hashes: list[np.uint64]) -> np.ndarray:
    """An open-addressing set of hashes for `in_set`, (n_slots,) uint64 with 0 for free; so sparse that nearly all others meet a free slot."""
    slots = np.zeros(1 << max(4, (32 * len(hashes) - 1).bit_length()), np.uint64)
    for hashed in np.unique(np.asarray(hashes, np.uint64)):
        slot = int(scatter(hashed)) % len(slots)
        while slots[slot] != 0:
            slot = (slot + 1) % len(slots)
        slots[slot] = hashed
    return slots


def table_size(n_keys: int) -> int:
    """Slots of an open-addressing table for `n_keys` keys: a power of two, at most half full."""
    return 1 << max(4, (2 * n_keys).bit_length())


@inlined
def set_slot(slots: Any, hashed: Any) -> Any:
    """Slot of a hash in a `hash_set`, or -1."""
    mask = np.uint64(len(slots) - 1)
    slot = scatter(hashed) & mask
    while slots[slot] != 0:
        if slots[slot] == hashed:
            return np.int64(slot)
        slot = (slot + _ONE) & mask
    return -1


@kernel
def hash_span(utf8: Any, start: int, end: int) -> Any:
    """Hash of utf8[start:end] for comparing whole lines, uint64; eight bytes a step, not composable like `hash_bytes`."""
    value = np.uint64(end - start)
    i = start
    while i + 8 <= end:
        block = np.uint64(0)
        for k in range(8):
            block |= np.uint64(utf8[i + k]) << np.uint64(8 * k)
        value = scatter((value ^ block) * BASE)
        i += 8
    tail = np.uint64(0)
    while i < end:
        tail = tail << np.uint64(8) | np.uint64(utf8[i])
        i += 1
    return scatter((value ^ tail) * BASE)
