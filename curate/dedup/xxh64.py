"""XXH64 of byte ranges, for kernels. Follows the specification of xxHash (doc/xxhash_spec.md)."""

from typing import Any

import numpy as np
from numba import njit

_P1 = np.uint64(11400714785074694791)
_P2 = np.uint64(14029467366897019727)
_P3 = np.uint64(1609587929392839161)
_P4 = np.uint64(9650029242287828579)
_P5 = np.uint64(2870177450012600261)


@njit(cache=True, nogil=True, inline="always")
def _rotate(value: Any, bits: Any) -> Any:
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@njit(cache=True, nogil=True, inline="always")
def _read(data: Any, at: Any, n_bytes: Any) -> Any:
    word = np.uint64(0)
    for index in range(n_bytes):
        word |= np.uint64(data[at + index]) << np.uint64(8 * index)
    return word


@njit(cache=True, nogil=True, inline="always")
def _round(lane: Any, word: Any) -> Any:
    return _rotate(lane + word * _P2, 31) * _P1


@njit(cache=True, nogil=True, inline="always")
def _merge(digest: Any, lane: Any) -> Any:
    return (digest ^ _round(np.uint64(0), lane)) * _P1 + _P4


@njit(cache=True, nogil=True)
def xxh64(data: Any, start: Any, stop: Any) -> Any:
    """XXH64 with seed 0 of `data[start:stop]`, `data (n,) uint8`, as uint64."""
    length = stop - start
    at = start
    if length >= 32:
        lane1, lane2, lane3, lane4 = _P1 + _P2, _P2, np.uint64(0), np.uint64(0) - _P1
        while at + 32 <= stop:
            lane1 = _round(lane1, _read(data, at, 8))
            lane2 = _round(lane2, _read(data, at + 8, 8))
            lane3 = _round(lane3, _read(data, at + 16, 8))
            lane4 = _round(lane4, _read(data, at + 24, 8))
            at += 32
        digest = _rotate(lane1, 1) + _rotate(lane2, 7) + _rotate(lane3, 12) + _rotate(lane4, 18)
        digest = _merge(_merge(_merge(_merge(digest, lane1), lane2), lane3), lane4)
    else:
        digest = _P5
    digest += np.uint64(length)
    while at + 8 <= stop:
        digest = _rotate(digest ^ _round(np.uint64(0), _read(data, at, 8)), 27) * _P1 + _P4
        at += 8
    if at + 4 <= stop:
        digest = _rotate(digest ^ _read(data, at, 4) * _P1, 23) * _P2 + _P3
        at += 4
    while at < stop:
        digest = _rotate(digest ^ np.uint64(data[at]) * _P5, 11) * _P1
        at += 1
    digest = (digest ^ (digest >> np.uint64(33))) * _P2
    digest = (digest ^ (digest >> np.uint64(29))) * _P3
    return digest ^ (digest >> np.uint64(32))
