"""Predictions with intervals, from laws that were fitted to resampled losses."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mix.laws.law import Array, FittedLaw, Points

_N_HALVINGS = 40
"""Halvings of the range in which a quantile lies: more than rounding leaves digits for."""


class Intervals(NamedTuple):
    """float64[n] each: `low` to `high` covers the expected loss, `run_low` to `run_high` the loss of one more run."""

    low: Array
    high: Array
    run_low: Array
    run_high: Array


def intervals_of(resampled: Sequence[FittedLaw], points: Points, confidence: float, noise: float, noise_freedom: int) -> Intervals:
    """Intervals at n points, from percentiles of the resampled laws' predictions.

    `noise` is the standard deviation of a run's loss around the law, estimated with `noise_freedom` degrees of freedom; 0 degrees: known. The loss of one
    more run is a prediction plus noise of Student's t distribution with these degrees of freedom.
    """
    from scipy.stats import norm, t

    drawn = np.stack([law.predict(points) for law in resampled])  # (n_resamples, n)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(drawn, tails, axis=0)
    if noise == 0:
        return Intervals(low, high, low, high)
    run_low, run_high = (_noisy_quantile(drawn, t(noise_freedom) if noise_freedom else norm(), noise, tail) for tail in tails)
    return Intervals(low, high, np.minimum(run_low, low), np.maximum(run_high, high))


def _noisy_quantile(drawn: Array, distribution: Any, noise: float, tail: float) -> Array:
    """float64[n]: the quantile `tail` of a prediction drawn from float64[n_resamples, n] plus noise of a frozen scipy distribution, by bisection."""
    alone = noise * float(distribution.ppf(tail))
    below, above = drawn.min(axis=0) + alone, drawn.max(axis=0) + alone
    for _ in range(_N_HALVINGS):
        middle = (below + above) / 2
        is_low = distribution.cdf((middle - drawn) / noise).mean(axis=0) < tail
        below, above = np.where(is_low, middle, below), np.where(is_low, above, middle)
    return np.asarray((below + above) / 2)
