"""Intervals of shares: figures of 0 to 1 by item, all of equal weight.

The general intervals of `eval.statistics` widen where most items are equal, because a heavy tail could hide in items that were not drawn. A share has
no tail beyond 1, so Student's t over items holds. Where every item is 0 or 1, a single model gets Wilson's interval, and two models McNemar's exact
test if it is less sure than t. Where nothing varies at all, Wilson's interval of none says how much may have gone unseen.
"""

import math
from dataclasses import replace

import numpy as np
from scipy.special import stdtrit

from eval.statistics.clusters import effective_number, group
from eval.statistics.interval import CONFIDENCE, Interval, two_sided_p
from eval.statistics.proportions import mcnemar, smallest_share, wilson_interval


def is_share(pairs: np.ndarray) -> bool:
    """Whether items `(n_items, 2)`, numerators and denominators, are figures of 0 to 1 of equal weight."""
    return bool((pairs[:, 1] == 1).all() and (pairs[:, 0] >= 0).all() and (pairs[:, 0] <= 1).all())


def share_interval(values: np.ndarray, unit: str = "share", clusters: np.ndarray | None = None) -> Interval:
    """Mean of `values (n_items,)`, each from 0 to 1, with its 95% interval inside [0, 1]. Raises EvalError if there are none."""
    interval = _student(values, unit, clusters)
    if clusters is None and _is_binary(values):
        low, high = wilson_interval(int(values.sum()), len(values))
    else:
        low, high = max(interval.low, 0.0), min(interval.high, 1.0)
    return _with(interval, min(low, interval.estimate), max(high, interval.estimate), interval.p_value)


def share_difference(base: np.ndarray, new: np.ndarray, unit: str = "share", clusters: np.ndarray | None = None) -> Interval:
    """Mean of `new` minus mean of `base`, `(n_items,)` of the same items, each from 0 to 1. Raises EvalError if there are none.

    `clusters (n_items,)` labels items that are not independent; McNemar's test, which needs independent items, is left out then.
    """
    interval = _student(new - base, unit, clusters)
    if clusters is not None or not (_is_binary(base) and _is_binary(new)) or not interval.estimate or not math.isfinite(interval.high):
        return interval
    p_value = mcnemar(int((new > base).sum()), int((new < base).sum()))
    if p_value <= interval.p_value:
        return interval
    reach = float(stdtrit(interval.degrees, (1 + CONFIDENCE) / 2)) / max(float(stdtrit(interval.degrees, 1 - p_value / 2)), 1e-9)
    half, most = abs(interval.estimate) * reach, wilson_interval(int((new != base).sum()), len(base))[1]  # no change exceeds the share of changed items
    return _with(interval, max(interval.estimate - half, -most), min(interval.estimate + half, most), p_value)


def within(interval: Interval, lowest: float, highest: float) -> Interval:
    """The interval of a figure that lies from `lowest` to `highest`, cut to that range.

    Where nothing varied, a share of items that differ from the others can have gone unseen: the interval then reaches as far as Wilson's of none.
    """
    low, high = interval.low, interval.high
    if interval.standard_error == 0:
        unseen = wilson_interval(0, interval.clusters)[1] * (highest - max(lowest, 0.0))
        low, high = min(low, interval.estimate - unseen), max(high, interval.estimate + unseen)
    return _with(interval, max(low, lowest), min(high, highest), interval.p_value)


def smallest_change(interval: Interval, highest: float) -> float:
    """Smallest difference that can be detected, at most `highest`. Where nothing varied, it is that of McNemar's test."""
    if not math.isfinite(interval.high - interval.low):
        return math.inf
    unseen = smallest_share(interval.clusters) * highest if interval.standard_error == 0 else 0.0
    return min(max(interval.minimum_detectable, unseen), highest)


def _student(values: np.ndarray, unit: str, clusters: np.ndarray | None) -> Interval:
    grouped = group(clusters, len(values))
    sums, weights = grouped.totals(np.column_stack([values, np.ones(len(values))])).T
    estimate, n, effective = float(values.mean()), len(values), effective_number(weights)
    if grouped.number == 1:
        return Interval(-math.inf, estimate, math.inf, math.inf, 0.0, 1.0, n, 1, effective, unit)
    residuals = sums - estimate * weights
    error = math.sqrt(grouped.number / (grouped.number - 1) * float(residuals @ residuals)) / n
    degrees = max(effective - 1, 1.0)
    half = error * float(stdtrit(degrees, (1 + CONFIDENCE) / 2))
    return Interval(estimate - half, estimate, estimate + half, error, degrees, two_sided_p(estimate, half, degrees), n, grouped.number, effective, unit)


def _is_binary(values: np.ndarray) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _with(interval: Interval, low: float, high: float, p_value: float) -> Interval:
    return replace(interval, low=low, high=high, p_value=p_value)
