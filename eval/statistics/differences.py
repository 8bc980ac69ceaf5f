"""Intervals over documents: of one model's ratio, and of the paired difference between two models on the same documents.

A ratio is a sum of numerators over a sum of denominators (nats over bytes), so documents weigh as much as they are long. A mean over items is
the ratio with denominators of 1.
"""

import math

import numpy as np

from eval.errors import EvalError
from eval.statistics.bootstrap import spread
from eval.statistics.clusters import effective_number, group
from eval.statistics.interval import Interval, two_sided_p

BITS = 1 / math.log(2)
N_RESAMPLES = 10_000


def ratio_interval(
    values: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    scale: float = BITS,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    unit: str = "bits per byte",
) -> Interval:
    """Σ numerators / Σ denominators · `scale` of one model, by default bits per byte, with its 95% interval.

    `values (n_docs, 2) float64` holds numerator (nats) and denominator (bytes) of each document. `clusters (n_docs,)` labels documents that are
    not independent (same site, same author); None: all are. Raises EvalError for no documents, or denominators that are negative or all zero.
    """
    grouped = group(clusters, len(values))
    if (values[:, 1] < 0).any() or not values[:, 1].any():
        raise EvalError("denominators (bytes) must not be negative, and not all zero")
    totals = grouped.totals(values * np.array([scale, 1.0]))
    numerators, weights = totals.T
    estimate, effective, n = float(numerators.sum() / weights.sum()), effective_number(weights), len(values)
    weighty = weights > 0
    if np.count_nonzero(weighty) == 1:
        return Interval(-math.inf, estimate, math.inf, math.inf, 0.0, 1.0, n, grouped.number, effective, unit)
    found = spread((numerators - estimate * weights)[weighty], weights[weighty], n_resamples=n_resamples, seed=seed)
    p_value = two_sided_p(estimate, found.below if estimate > 0 else found.above, found.degrees)
    bounds = estimate - found.below, estimate, estimate + found.above
    return Interval(*bounds, found.standard_error, found.degrees, p_value, n, grouped.number, effective, unit)


def ratio_difference(
    base: np.ndarray,
    new: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    scale: float = BITS,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    unit: str = "bits per byte",
) -> Interval:
    """Ratio of `new` minus that of `base` on the same documents, by default bits per byte; negative means fewer bits, thus better.

    `base` and `new (n_docs, 2) float64` as in `ratio_interval`, same documents in the same order. Raises EvalError if the two have different
    numbers of documents or different denominators, and as `ratio_interval` does.
    """
    if base.shape != new.shape:
        raise EvalError(f"a paired comparison needs the same documents for both models, got {len(base)} and {len(new)}")
    if not np.array_equal(base[:, 1], new[:, 1]):
        row = int(np.flatnonzero(base[:, 1] != new[:, 1])[0])
        raise EvalError(f"document {row}: {base[row, 1]:g} bytes for one model, {new[row, 1]:g} for the other; a paired comparison needs the same text")
    paired = np.column_stack([new[:, 0] - base[:, 0], base[:, 1]])
    return ratio_interval(paired, clusters=clusters, scale=scale, n_resamples=n_resamples, seed=seed, unit=unit)


def mean_difference(
    base: np.ndarray,
    new: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    scale: float = 1.0,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    unit: str = "",
) -> Interval:
    """Mean of `new` minus mean of `base`, `(n_items,) float64` each: accuracy, or bits by item. All items count the same.

    Raises EvalError for no items, or different numbers of them.
    """
    if base.shape != new.shape:
        raise EvalError(f"a paired comparison needs the same items for both models, got {len(base)} and {len(new)}")
    ones = np.ones(len(base))
    paired = np.column_stack([new - base, ones])
    return ratio_interval(paired, clusters=clusters, scale=scale, n_resamples=n_resamples, seed=seed, unit=unit)
