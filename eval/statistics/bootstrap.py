"""Studentised bootstrap of a ratio of sums over clusters.

Whole clusters are resampled, never tokens, because tokens of one document are not independent. Each resample is judged by its own standard
error (bootstrap-t), which corrects what the percentile interval misses: few documents, skewed lengths, heavy tails (Efron 1981;
Hall 1988 for the symmetric form).
"""

import math
from functools import lru_cache

import numpy as np

from eval.statistics.interval import CONFIDENCE

_DRAWS_AT_ONCE = 1 << 21
_DRAWS_KEPT = 1 << 24


def standard_error(residuals: np.ndarray, denominator: float) -> float:
    """Standard error of a ratio of sums by linearisation, from the clusters' residuals (numerator - ratio · denominator): `(n_clusters,)`."""
    n = len(residuals)
    return math.sqrt(n / (n - 1) * float(residuals @ residuals)) / denominator


def studentised(residuals: np.ndarray, weights: np.ndarray, *, n_resamples: int, seed: int) -> np.ndarray:
    """|t| of every resample, `(n_resamples,) float64`: distance of its ratio from that of the sample, in standard errors of its own.

    `residuals` and `weights (n_clusters,)` are the numerators less ratio · denominator, and the denominators. A resample whose standard
    error is zero has an infinite |t|, or 0 if its ratio is that of the sample.
    """
    columns = np.column_stack([residuals, weights, residuals**2, residuals * weights, weights**2])
    sums = resampled_sums(columns, n_resamples, seed)
    shift = np.divide(sums[:, 0], sums[:, 1], out=np.zeros(len(sums)), where=sums[:, 1] > 0)
    n = len(residuals)
    squares = sums[:, 2] - 2 * shift * sums[:, 3] + shift**2 * sums[:, 4]
    errors = np.sqrt(np.maximum(squares, 0) * n / (n - 1))
    distances = np.abs(sums[:, 0])
    return np.divide(distances, errors, out=np.where(distances > 0, np.inf, 0.0), where=errors > 0)


def quantile(absolute_t: np.ndarray) -> float:
    """95% quantile of |t|, the upper of two neighbours."""
    return float(np.quantile(absolute_t, CONFIDENCE, method="higher"))


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
