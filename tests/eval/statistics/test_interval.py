import math
from dataclasses import replace

import pytest
from scipy import stats

from eval.statistics.interval import Interval, tolerance_verdict, verdict

FOUND = Interval(-0.3, -0.2, -0.1, 0.05, 60.0, 0.0001, 100, 100, 80.0)


def at(low: float, estimate: float, high: float, **other: float) -> Interval:
    """`FOUND` moved; its p-value follows from its bounds."""
    moved = replace(FOUND, low=low, estimate=estimate, high=high, **other)
    return replace(moved, p_value=moved.p_value_of(0.0))


@pytest.mark.parametrize("low, high, expected", [(-0.2, -0.1, "better"), (0.1, 0.2, "worse"), (-0.1, 0.2, "undetectable"), (-0.1, 0.0, "undetectable")])
def test_a_verdict_needs_an_interval_that_excludes_zero(low, high, expected):
    assert verdict(at(low, (low + high) / 2, high)) == expected


def test_higher_is_better_for_accuracy():
    assert verdict(FOUND, lower_is_better=False) == "worse"


def test_the_adjusted_p_value_decides():
    assert verdict(FOUND, 0.049) == "better" and verdict(FOUND, 0.05) == "undetectable"


def test_few_effective_clusters_give_no_verdict():
    assert verdict(replace(FOUND, effective=14.9)) == "too few" and verdict(replace(FOUND, effective=15.0)) == "better"
    assert tolerance_verdict(replace(FOUND, effective=14.9), 0.01) == "too few"


@pytest.mark.parametrize("low, high, expected", [(-0.2, 0.009, "within"), (0.011, 0.2, "beyond"), (0.0, 0.02, "undecided")])
def test_within_tolerance_needs_the_whole_interval(low, high, expected):
    assert tolerance_verdict(at(low, (low + high) / 2, high), 0.01) == expected


def test_the_adjusted_p_value_decides_on_tolerance_too():
    found = at(0.0, 0.004, 0.008)
    assert tolerance_verdict(found, 0.01) == "within" and found.p_value_of(0.01) < 0.05
    assert tolerance_verdict(found, 0.01, 0.3) == "undecided"


def test_p_values_are_those_of_student_on_the_longer_or_shorter_side():
    found = at(-0.1, 0.0, 0.3)
    quantile = stats.t.ppf(0.975, 60)
    assert found.p_value_of(-0.05) == pytest.approx(2 * stats.t.sf(quantile * 0.5, 60))
    assert found.p_value_of(0.15) == pytest.approx(2 * stats.t.sf(quantile * 0.5, 60))
    assert found.p_value_of(0.0) == 1.0


def test_a_stricter_level_detects_larger_effects():
    quantile, shortfall = stats.t.ppf(0.975, 60), stats.chi.mean(60) / math.sqrt(60)
    assert FOUND.minimum_detectable == pytest.approx((0.1 + stats.t.ppf(0.8, 60) * 0.05) / shortfall)
    assert FOUND.detectable(0.05 / 10) == pytest.approx((0.1 * stats.t.ppf(1 - 0.0025, 60) / quantile + stats.t.ppf(0.8, 60) * 0.05) / shortfall)


def test_an_unbounded_interval_detects_nothing():
    unbounded = Interval(-math.inf, 0.5, math.inf, math.inf, 0.0, 1.0, 1, 1, 1.0)
    assert unbounded.minimum_detectable == math.inf and unbounded.p_value_of(0.0) == 1.0


def test_an_interval_without_width_excludes_all_but_its_estimate():
    point = Interval(0.2, 0.2, 0.2, 0.0, 29.0, 0.0, 30, 30, 30.0)
    assert (point.p_value_of(0.2), point.p_value_of(0.0), point.minimum_detectable) == (1.0, 0.0, 0.0)
    assert verdict(point) == "worse" and tolerance_verdict(point, 0.2) == "within"
