"""Predictions with intervals, from laws that were fitted to resampled losses."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mix.laws.law import Array, FittedLaw, Points

_N_LEVELS = 21
"""Levels of noise that each resampled prediction is combined with."""


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
    levels = (np.arange(_N_LEVELS) + 0.5) / _N_LEVELS
    deviations = noise * (t.ppf(levels, noise_freedom) if noise_freedom else norm.ppf(levels))
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(drawn, tails, axis=0)
    run_low, run_high = np.quantile((drawn[:, None] + deviations[:, None]).reshape(-1, drawn.shape[1]), tails, axis=0)
    return Intervals(low, high, np.minimum(run_low, low), np.maximum(run_high, high))
