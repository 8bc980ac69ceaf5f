"""Rows of differences, and their verdicts: all verdicts that stand together are corrected together."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eval.statistics.interval import MIN_EFFECTIVE_CLUSTERS, Interval, tolerance_verdict, verdict
from eval.statistics.multiple import holm

Row = dict[str, Any]
LOSSY = "lossy"


@dataclass
class Difference:
    """A row without its verdict. `tolerance`: on a domain to retain, the largest harmless increase. `is_lossy`: a tokenizer loses text, so that the row
    gets no verdict."""

    facts: Row
    interval: Interval
    tolerance: float | None = None
    is_lossy: bool = False

    @property
    def _p_values(self) -> list[float]:
        if self.is_lossy or self.interval.effective < MIN_EFFECTIVE_CLUSTERS:
            return []
        return [self.interval.p_value] + ([] if self.tolerance is None else [self.interval.p_value_of(self.tolerance)])


def judge(differences: Iterable[Difference]) -> list[Row]:
    """The rows with their verdicts. Holm's correction is over all of them: the hypothesis of no difference of each row that can have a verdict, and on
    domains to retain the hypothesis that the difference equals the tolerance."""
    differences = list(differences)
    adjusted = iter(holm([p for difference in differences for p in difference._p_values]))
    rows = []
    for difference in differences:
        p_values = [next(adjusted) for _ in difference._p_values]
        interval = difference.interval
        rows.append(difference.facts | bounds(interval) | counts(interval) | {"p_value": interval.p_value} | _verdicts(difference, p_values))
    return rows


def _verdicts(difference: Difference, p_values: list[float]) -> Row:
    interval, tolerance = difference.interval, difference.tolerance
    found: Row = {"adjusted_p": p_values[0] if p_values else None}
    if difference.is_lossy:
        return found | {"verdict": LOSSY} | ({} if tolerance is None else {"retained": LOSSY})
    found["verdict"] = verdict(interval, p_values[0] if p_values else None)
    if tolerance is not None:
        found["retained"] = tolerance_verdict(interval, tolerance, p_values[1] if p_values else None)
    return found


def bounds(interval: Interval) -> Row:
    """Bounds and errors of an interval; infinite ones become null, because JSON has no infinity."""
    figures = {"low": interval.low, "high": interval.high, "standard_error": interval.standard_error, "minimum_detectable": interval.minimum_detectable}
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def counts(interval: Interval) -> Row:
    """What an interval rests on: documents, clusters, and the effective number of clusters."""
    return {"documents": interval.n, "clusters": interval.clusters, "effective": interval.effective}
