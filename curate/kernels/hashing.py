"""Polynomial hashes of byte strings, modulo 2^64: the hash of a concatenation follows from the hashes of its parts.

hash(xy) = hash(x) · BASE^len(y) + hash(y), with each byte b entering as b + 1. So the hash of any run of words costs two
multiplications, and ["a", "bc"] and ["ab", "c"] joined without a separator get the same hash, as their equal text demands.
"""

from typing import Any

import numpy as np

from curate.kernels.kernel import inlined, kernel
from curate.kernels.simd import load_word

BASE = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio; any large odd number works."""

N_POWERS = 4096
_MIX = np.uint64(0xD6E8FEB86659FD93)
_ONE = np.uint64(1)
_BYTE = np.uint64(0xFF)
_ONES = np.uint64(0x0101010101010101)
"""Added to eight bytes at once. UTF-8 has no byte 255, so no byte carries into the next."""


def base_powers() -> np.ndarray:
    """BASE^0 … BASE^(N_POWERS - 1) modulo 2^64, (N_POWERS,) uint64."""
    factors = np.full(N_POWERS, BASE, np.uint64)
    factors[0] = _ONE
    return np.multiply.accumulate(factors)


POWERS = base_powers()


_POWER_2, _POWER_3, _POWER_4, _POWER_5, _POWER_6, _POWER_7, _POWER_8 = POWERS[2:9]
_ONE_BYTE, _TWO_BYTES, _FOUR_BYTES, _FIVE_BYTES, _SIX_BYTES = (np.uint64(8 * n_bytes) for n_bytes in (1, 2, 4, 5, 6))


@inlined
def hash_bytes(utf8: Any, start: int, end: int) -> Any:
    """Hash of utf8[start:end], uint64."""
    value = np.uint64(0)
    for i in range(start, end):
        value = value * BASE + (np.uint64(utf8[i]) + _ONE)
    return value


@inlined
def hash_padded(utf8: Any, start: int, end: int) -> Any:
    """`hash_bytes`, eight bytes per step. Reads up to seven bytes past the end (`simd.PADDING`)."""
    n_first = (end - start) & 7
    value = np.uint64(0)
    if n_first > 0:
        shift = np.uint64(8 * (8 - n_first))
        value = _hash_eight((load_word(utf8, start) + _ONES) << shift)
    for i in range(start + n_first, end, 8):
        value = value * _POWER_8 + _hash_eight(load_word(utf8, i) + _ONES)
    return value


@inlined
def _hash_eight(value: Any) -> Any:
    """Sum of the eight bytes, each times its power of the base; the first byte has the highest power."""
    even = (value & _BYTE) * _POWER_7 + (value >> _TWO_BYTES & _BYTE) * _POWER_5 + (value >> _FOUR_BYTES & _BYTE) * _POWER_3
    value >>= _ONE_BYTE
    odd = (value & _BYTE) * _POWER_6 + (value >> _TWO_BYTES & _BYTE) * _POWER_4 + (value >> _FOUR_BYTES & _BYTE) * _POWER_2
    return even + odd + (value >> _FIVE_BYTES & _BYTE) * BASE + (value >> _SIX_BYTES)


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
    """Mix a hash so that its low bits can choose a slot."""
    value = (value ^ (value >> np.uint64(32))) * _MIX
    return value ^ (value >> np.uint64(29))


def hash_set(hashes: list[np.uint64]) -> np.ndarray:
    """An open-addressing set of hashes for `in_set`, (n_slots,) uint64; 0 is free. So sparse that most lookups of absent hashes hit a free slot."""
    slots = np.zeros(1 << max(4, (32 * len(hashes) - 1).bit_length()), np.uint64)
    for hashed in np.unique(np.asarray(hashes, np.uint64)):
        slot = int(scatter(hashed)) % len(slots)
        while slots[slot] != 0:
            slot = (slot + 1) % len(slots)
        slots[slot] = hashed
    return slots


def table_size(n_keys: int) -> int:
    """Number of slots of an open-addressing table for `n_keys` keys: a power of two, at most half full."""
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
    """Hash of utf8[start:end] to compare whole lines, uint64. Eight bytes per step; not composable like `hash_bytes`."""
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
