"""Which points have the same ratio of sources."""

import numpy as np
from numpy.typing import NDArray

SAME_SHARE = 1e-3
"""Shares that differ by at most this are one ratio: realised shares of the same mix differ by the rounding of one row."""


def ratio_numbers(shares: NDArray[np.float64], tolerance: float = SAME_SHARE) -> NDArray[np.int64]:
    """int64[n]: the number of each point's ratio, from 0 in order of first appearance; `shares` is float64[n, k].

    A point has the ratio of the first earlier one whose shares all differ by at most `tolerance`.
    """
    first: list[int] = []
    numbers = np.empty(len(shares), np.int64)
    for row, values in enumerate(shares):
        near = np.flatnonzero(np.abs(shares[first] - values).max(axis=1, initial=0.0) <= tolerance) if first else np.empty(0, np.int64)
        numbers[row] = near[0] if len(near) else len(first)
        if not len(near):
            first.append(row)
    return numbers
