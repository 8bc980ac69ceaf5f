"""An estimate with its 95% interval, and the verdicts that follow from it."""

import math
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit

from eval.statistics.bootstrap import CONFIDENCE, LEVEL

POWER = 0.80
MIN_EFFECTIVE_CLUSTERS = 15.0
"""Below this effective number of clusters no verdict is given."""
_MANY_DEGREES = 1e6


@dataclass(frozen=True)
class Interval:
    """An estimate, its 95% confidence interval, and what the interval rests on. With a single cluster the interval is unbounded."""

    low: float
    estimate: float
    high: float
    standard_error: float
    degrees: float
    """Degrees of freedom of the standard error."""
    p_value: float
    """Two-sided p-value of no difference; below 0.05 if and only if the interval excludes 0."""
    n: int
    """Documents or items."""
    clusters: int
    """Independent clusters of documents."""
    effective: float
    """Effective number of clusters (Kish): how many clusters of equal size would carry as much weight."""
    unit: str = "bits per byte"

    def p_value_of(self, value: float) -> float:
        """Two-sided p-value of the hypothesis that the true value is `value`; below 0.05 if and only if the interval excludes `value`.

        Obtained by inverting the interval: each half of it is Student's t at the 97.5% quantile, scaled.
        """
        distance = value - self.estimate
        half = self.high - self.estimate if distance > 0 else self.estimate - self.low
        return two_sided_p(distance, half, self.degrees)

    @property
    def minimum_detectable(self) -> float:
        """Smallest true difference that a test at 5% finds with 80% power, on average over samples of documents and seeds like these.

        Half the interval's width plus the standard error times Student's t at 80%, both corrected for standard deviations that are estimated too small
        on average.
        """
        return self.detectable(LEVEL)

    def detectable(self, level: float) -> float:
        """As `minimum_detectable`, for a test at `level`; Holm's correction over m verdicts tests the first at 0.05 / m."""
        half = (self.high - self.low) / 2
        if not math.isfinite(half):
            return half
        reach = half * student_quantile(self.degrees, 1 - level / 2) / student_quantile(self.degrees)
        return (reach + student_quantile(self.degrees, POWER) * self.standard_error) / _shortfall(self.degrees)


def student_quantile(degrees: float, share: float = (1 + CONFIDENCE) / 2) -> float:
    """Quantile of Student's t below which `share` lies; 97.5% by default."""
    return float(stdtrit(min(degrees, _MANY_DEGREES), share))


def _shortfall(degrees: float) -> float:
    """Expected ratio of an estimated to a true standard deviation of normal values, c4 of quality control; 0.94 for 4 degrees."""
    degrees = min(max(degrees, 1.0), _MANY_DEGREES)
    return math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) * math.sqrt(2 / degrees)


def two_sided_p(distance: float, half: float, degrees: float) -> float:
    """Two-sided p-value of a value at `distance` from an estimate whose 95% interval reaches `half` far to that side."""
    if distance == 0 or math.isinf(half):
        return 1.0
    if half == 0:
        return 0.0
    return float(2 * stdtr(min(degrees, _MANY_DEGREES), -abs(distance) / half * student_quantile(degrees)))


def verdict(interval: Interval, p_value: float | None = None, *, lower_is_better: bool = True) -> str:
    """Verdict on a difference: `better` or `worse` if p < 0.05, else `undetectable`; `too few` below 15 effective clusters.

    `p_value` is the adjusted one (`holm`) where several verdicts are given together; None: that of the interval alone.
    """
    if interval.effective < MIN_EFFECTIVE_CLUSTERS:
        return "too few"
    if (interval.p_value if p_value is None else p_value) >= LEVEL:
        return "undetectable"
    return "better" if (interval.estimate < 0) == lower_is_better else "worse"


def tolerance_verdict(interval: Interval, tolerance: float, p_value: float | None = None) -> str:
    """Verdict on a domain to retain: `within` or `beyond` the tolerance if that is certain, else `undecided`; `too few` as in `verdict`.

    `p_value` is that of the hypothesis "the true difference is `tolerance`" (`Interval.p_value_of`), adjusted together with all others.
    Each of the two answers errs in at most 2.5% of cases, because the p-value is two-sided.
    """
    if interval.effective < MIN_EFFECTIVE_CLUSTERS:
        return "too few"
    if (interval.p_value_of(tolerance) if p_value is None else p_value) >= LEVEL:
        return "within" if interval.low == interval.high == tolerance else "undecided"
    return "within" if interval.estimate <= tolerance else "beyond"
