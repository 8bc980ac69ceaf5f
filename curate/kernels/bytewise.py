"""Hash and compare byte ranges, eight bytes per step. All functions read up to seven bytes past the end (`simd.PADDING`)."""

from typing import Any

import numpy as np

from curate.kernels.kernel import inlined
from curate.kernels.simd import load_word

_MULTIPLIER = np.uint64(0xC2B2AE3D27D4EB4F)


@inlined
def mix(value: Any) -> Any:
    """Mix every bit of a uint64 into its upper bits. Injective."""
    return (value ^ (value >> np.uint64(32))) * _MULTIPLIER


@inlined
def hash_stretch(utf8: Any, start: int, end: int) -> Any:
    """Hash of utf8[start:end], uint64. Injective for ranges of one length up to eight bytes."""
    return hash_on(utf8, start, end - start, np.uint64(end - start))


@inlined
def hash_on(utf8: Any, start: int, n_bytes: int, value: Any) -> Any:
    """Hash of a value and the bytes from `start`, uint64."""
    while n_bytes >= 8:
        value = mix(value) ^ load_word(utf8, start)
        start += 8
        n_bytes -= 8
    return mix(mix(value) ^ first_bytes(load_word(utf8, start), n_bytes))


@inlined
def same_bytes(left: Any, one: int, right: Any, other: int, n_bytes: int) -> bool:
    """Whether the `n_bytes` bytes at `left[one]` and `right[other]` are equal."""
    while n_bytes >= 8:
        if load_word(left, one) != load_word(right, other):
            return False
        one += 8
        other += 8
        n_bytes -= 8
    return first_bytes(load_word(left, one), n_bytes) == first_bytes(load_word(right, other), n_bytes)


@inlined
def first_bytes(value: Any, n_bytes: int) -> Any:
    """The first `n_bytes` < 8 bytes of a word; the others become 0."""
    return value & ((np.uint64(1) << np.uint64(8 * n_bytes)) - np.uint64(1))
