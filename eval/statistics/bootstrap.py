"""Bits per byte with intervals: bootstrap over documents, paired if two models scored the same documents.

Documents are resampled, never tokens, because tokens of one document are not independent. The statistic is a ratio of sums, nats over
bytes, so documents are weighted by their length. Percentile intervals from few documents are too narrow; their levels
are widened as in Hesterberg, "What teachers should know about the bootstrap" (2015), section 4.1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from eval.errors import EvalError

CONFIDENCE = 0.95
POWER = 0.80
_DRAWS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class Interval:
    """An estimate, its 95% confidence interval and standard error. With a single document the interval is unbounded."""

    low: float
    estimate: float
    high: float
    standard_error: float
    unit: str = "bits per byte"

    @property
    def minimum_detectable(self) -> float:
        """The smallest true effect that a two-sided test at 5% finds with 80% power: (1.96 + 0.84) · standard error."""
        normal = NormalDist()
        return (normal.inv_cdf((1 + CONFIDENCE) / 2) + normal.inv_cdf(POWER)) * self.standard_error


def bootstrap(scores: np.ndarray, *, n_resamples: int, seed: int, clusters: np.ndarray | None = None) -> Interval:
    """Bits per byte of one model. `scores (n_docs, 2) float64` holds nats and bytes; other arguments as in `paired_bootstrap`."""
    totals = _by_cluster(scores, clusters)
    return _interval(totals, lambda sums: _bits(sums[:, 0], sums[:, 1]), n_resamples, seed)


def paired_bootstrap(base: np.ndarray, new: np.ndarray, *, n_resamples: int, seed: int, clusters: np.ndarray | None = None) -> Interval:
    """Bits per byte of `new` minus those of `base`; negative is better.

    `base` and `new` are `(n_docs, 2) float64` with nats and bytes of the same documents in the same order. `clusters (n_docs,)` labels
    documents that are not independent (same site, same author); whole clusters are resampled. Raises EvalError if there are no documents,
    or if the two have different numbers of them.
    """
    if base.shape != new.shape:
        raise EvalError(f"a paired comparison needs the same documents for both models, got {len(base)} and {len(new)}")
    totals = _by_cluster(np.hstack([base, new]), clusters)
    return _interval(totals, lambda sums: _bits(sums[:, 2], sums[:, 3]) - _bits(sums[:, 0], sums[:, 1]), n_resamples, seed)


def verdict(interval: Interval) -> str:
    """Verdict on a difference in bits per byte: `better` or `worse` if the interval excludes zero, else `undetectable`."""
    if interval.high < 0:
        return "better"
    return "worse" if interval.low > 0 else "undetectable"


def tolerance_verdict(interval: Interval, tolerance: float) -> str:
    """Verdict on a domain to retain: `within` if the whole interval is at most `tolerance`, `beyond` if all of it is above, else `undecided`."""
    if interval.high <= tolerance:
        return "within"
    return "beyond" if interval.low > tolerance else "undecided"


def _bits(nats: np.ndarray, n_bytes: np.ndarray) -> np.ndarray:
    return nats / n_bytes / math.log(2)


def _by_cluster(scores: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    if not len(scores):
        raise EvalError("no documents to compare")
    if clusters is None:
        return scores
    _, members = np.unique(clusters, return_inverse=True)
    totals = np.zeros((members.max() + 1, scores.shape[1]))
    np.add.at(totals, members, scores)
    return totals


def _interval(totals: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], n_resamples: int, seed: int) -> Interval:
    estimate = float(statistic(totals.sum(axis=0, keepdims=True))[0])
    n = len(totals)
    if n == 1:
        return Interval(-math.inf, estimate, math.inf, math.inf)
    samples = statistic(_resampled_sums(totals, n_resamples, np.random.default_rng(seed)))
    tail = NormalDist().cdf(-math.sqrt(n / (n - 1)) * _student_quantile(n - 1))
    low, high = np.quantile(samples, [tail, 1 - tail])
    standard_error = float(samples.std(ddof=1)) * math.sqrt(n / (n - 1))
    return Interval(float(low), estimate, float(high), standard_error)


def _resampled_sums(totals: np.ndarray, n_resamples: int, random: np.random.Generator) -> np.ndarray:
    """Column sums of `n_resamples` draws of n rows with replacement from `totals (n, k)`: `(n_resamples, k)`."""
    n, at_once = len(totals), max(_DRAWS_AT_ONCE // len(totals), 1)
    sums = np.empty((n_resamples, totals.shape[1]))
    for start in range(0, n_resamples, at_once):
        size = min(at_once, n_resamples - start)
        drawn = random.integers(n, size=(size, n)) + np.arange(size)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
        sums[start : start + size] = counts.astype(np.float64) @ totals
    return sums


def _student_quantile(degrees: int) -> float:
    """97.5% quantile of Student's t by its expansion in 1 / degrees (Abramowitz and Stegun 26.7.5); accurate to 0.3% for 4 or more degrees."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / degrees**power for power, term in enumerate(terms, 1))
