"""Standard error and studentised bootstrap of a ratio of sums over clusters.

Whole clusters are resampled, never tokens, because tokens of one document are not independent. Each resample is judged by its own standard
error (bootstrap-t, Efron 1981), which corrects what the percentile interval misses: skewness, heavy tails and unequal lengths.
`python -m benchmarks.coverage` measures how often the intervals hold the truth.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, stdtrit

LEVEL = 0.05
CONFIDENCE = 1 - LEVEL
_DRAWS_AT_ONCE = 1 << 21
_DRAWS_KEPT = 1 << 24
_ROUNDING = 1e-13


class Spread(NamedTuple):
    """How far a ratio may be from the truth: its standard error with degrees of freedom, and the reach of the 95% interval to each side."""

    standard_error: float
    degrees: float
    below: float
    above: float


def spread(residuals: np.ndarray, weights: np.ndarray, *, n_resamples: int, seed: int) -> Spread:
    """Spread of Σ numerators / Σ weights, from `residuals` (numerator - ratio · weight) and `weights`, `(n_clusters,) float64` each.

    At least two clusters must have weight. The interval is an equal-tailed bootstrap-t, with three corrections for few or unequal clusters:

    - The standard error is the jackknife's: each residual is divided by one less its cluster's share of the weight.
    - Degrees of freedom follow from how concentrated the squared residuals are (`_degrees`), and the bootstrap's quantiles are taken further out,
      as Student's t with these degrees is wider than the normal distribution (Hesterberg 2015, section 4.1).
    - Neither side reaches less far than Student's t. Resamples without variance are left out.
    """
    n, total = len(residuals), float(weights.sum())
    corrected = residuals / np.maximum(1 - weights / total, np.finfo(float).tiny)
    if np.abs(corrected).max() <= _ROUNDING * weights.max():
        return Spread(0.0, float(n - 1), 0.0, 0.0)
    error = math.sqrt((1 - 1 / n) * float(corrected @ corrected)) / total
    degrees = _degrees(corrected)
    student = float(stdtrit(degrees, (1 + CONFIDENCE) / 2))
    t = _studentised(residuals, weights, n_resamples, seed)
    tail = float(ndtr(-math.sqrt(n / (n - 1)) * student))
    low, high = np.quantile(t, tail, method="lower"), np.quantile(t, 1 - tail, method="higher")
    return Spread(error, degrees, error * max(float(high), student), error * max(-float(low), student))


def _degrees(residuals: np.ndarray) -> float:
    """Degrees of freedom of Σr²: Satterthwaite's (Σσ²)² / (Σσ⁴ / 1), with r² for each cluster's σ² and r⁴ / 2 for its σ⁴; 1 to n - 1.

    Normal residuals have r⁴ = 3σ⁴ on average. Dividing by 2 instead of 3 is more cautious, and holds where the largest clusters differ most.
    """
    shares = (residuals / np.abs(residuals).max()) ** 2
    return float(min(max(2 * shares.sum() ** 2 / (shares @ shares), 1.0), len(residuals) - 1))


def _studentised(residuals: np.ndarray, weights: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    """t of every resample with variance: its ratio less that of the sample, in linearised standard errors of its own."""
    n = len(residuals)
    columns = np.column_stack([residuals, weights, residuals**2, residuals * weights, weights**2])
    sums = resampled_sums(columns, n_resamples, seed)
    sums = sums[sums[:, 1] > 0]
    shift = sums[:, 0] / sums[:, 1]
    squares = (sums[:, 2] - 2 * shift * sums[:, 3] + shift**2 * sums[:, 4]) * n / (n - 1)
    varied = squares > 1e-12 * sums[:, 2]
    return sums[varied, 0] / np.sqrt(squares[varied]) if varied.any() else np.zeros(1)


def resampled_sums(columns: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    """Column sums of `n_resamples` draws of n rows with replacement from `columns (n, k)`: `(n_resamples, k) float64`."""
    n = len(columns)
    if n * n_resamples <= _DRAWS_KEPT:
        return _counts(n, n_resamples, seed).astype(np.float64) @ columns
    sums, random, at_once = np.empty((n_resamples, columns.shape[1])), np.random.default_rng(seed), max(_DRAWS_AT_ONCE // n, 1)
    for start in range(0, n_resamples, at_once):
        stop = min(start + at_once, n_resamples)
        sums[start:stop] = _draw(n, stop - start, random).astype(np.float64) @ columns
    return sums


@lru_cache(maxsize=2)
def _counts(n: int, n_resamples: int, seed: int) -> np.ndarray:
    """How often each resample draws each row; kept, because all comparisons on one domain use the same."""
    counts = _draw(n, n_resamples, np.random.default_rng(seed)).astype(np.uint16)
    counts.flags.writeable = False
    return counts


def _draw(n: int, size: int, random: np.random.Generator) -> np.ndarray:
    drawn = random.integers(n, size=(size, n)) + np.arange(size)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
