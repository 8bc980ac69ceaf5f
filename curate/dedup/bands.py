"""Bands of signatures: one 64-bit key per band, which is all that the search for candidates reads."""

from typing import Any

import numpy as np
from numba import njit

from curate.dedup.shingles import mix

NO_SIGNATURE = 0
"""The key, in every band, of documents without a signature, and only of those."""


def band_keys(sig: np.ndarray, exists: np.ndarray, buckets: int) -> np.ndarray:
    """Keys of the bands of signatures, (buckets, n_docs) uint64: equal if all hashes of the band are equal, otherwise with probability 2^-64.

    `sig (n_docs, buckets * hashes)` uint32 or uint64, `exists (n_docs,) bool`: where false, the key is `NO_SIGNATURE`.
    """
    keys = np.zeros((buckets, len(sig)), np.uint64)
    _band_keys(sig, exists, keys)
    return keys


@njit(cache=True, nogil=True)
def _band_keys(sig: Any, exists: Any, keys: Any) -> None:
    hashes = sig.shape[1] // len(keys)
    for doc in range(len(sig)):
        if not exists[doc]:
            continue
        for band in range(len(keys)):
            key = np.uint64(0)
            for column in range(band * hashes, (band + 1) * hashes):
                key = mix((key ^ np.uint64(sig[doc, column])) + np.uint64(0x9E3779B97F4A7C15))
            keys[band, doc] = max(key, np.uint64(1))


def agreement(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Estimated Jaccard similarity of each pair of rows, (n,) float64: the share of equal values (Broder 1997).

    `left` and `right (n, n_values)`. The standard error is at most sqrt(j (1 - j) / n_values).
    """
    equal = np.empty(len(left), np.float64)
    _agreement(left, right, equal)
    return equal


@njit(cache=True, nogil=True)
def _agreement(left: Any, right: Any, equal: Any) -> None:
    for row in range(len(left)):
        equal[row] = count_equal(left[row], right[row]) / left.shape[1]


@njit(cache=True, nogil=True)
def count_equal(left: Any, right: Any) -> Any:
    """Number of positions at which two signatures, (n_values,) each, are equal."""
    count = 0
    for index in range(len(left)):
        count += left[index] == right[index]
    return count
