"""Pareto fronts with their uncertainty: who is better than whom on all axes at once, and how surely. On all axes lower is better."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from eval.statistics.interval import CONFIDENCE
from eval.statistics.multiple import holm

Status = Literal["front", "possibly dominated", "surely dominated"]


@dataclass(frozen=True)
class Standing:
    """Where a point stands. `dominated_by` holds indices of points with better estimates on all axes, `surely_by` those of them for which the
    data show it. `front_share` is the share of resampled data in which the point is on the front; None if nothing is known about its uncertainty."""

    status: Status
    dominated_by: list[int]
    surely_by: list[int]
    front_share: float | None


def standings(estimates: np.ndarray, p_value: Callable[[int, int], float], draws: np.ndarray | None = None) -> list[Standing]:
    """Standing of each of n points with `estimates (n, k)`.

    Point i dominates j by the estimates if it is nowhere worse and somewhere better. `p_value(i, j)`, asked only for those pairs, is the p-value of "i is
    not better on every uncertain axis": the largest of the axes' p-values (an intersection-union test, Berger 1982). All pairs are tested together, with
    Holm's correction. `draws (n_draws, n, k)` are resampled estimates.
    """
    n = len(estimates)
    pairs = list(combinations(range(n), 2))
    better = [(i, j) if dominates(estimates[i], estimates[j]) else (j, i) if dominates(estimates[j], estimates[i]) else None for i, j in pairs]
    adjusted = holm([p_value(*pair) if pair is not None else 1.0 for pair in better])
    shares = front_shares(draws) if draws is not None else [None] * n
    result = []
    for point in range(n):
        by = [(pair[0], p) for pair, p in zip(better, adjusted, strict=True) if pair is not None and pair[1] == point]
        surely = sorted(other for other, p in by if p < 1 - CONFIDENCE)
        status: Status = "surely dominated" if surely else "possibly dominated" if by else "front"
        result.append(Standing(status, sorted(other for other, _ in by), surely, shares[point]))
    return result


def dominates(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether the point `a (k,)` is nowhere worse than `b (k,)`, and somewhere better."""
    return bool((a <= b).all() and (a < b).any())


def front_shares(draws: np.ndarray) -> list[float | None]:
    """Share of `draws (n_draws, n, k)` in which each point is dominated by no other."""
    shares: list[float | None] = []
    for point in range(draws.shape[1]):
        own = draws[:, point : point + 1]
        dominated: np.ndarray = np.all(draws <= own, axis=2) & np.any(draws < own, axis=2)
        shares.append(float(1 - dominated.any(axis=1).mean()))
    return shares
