import pytest

from eval.statistics.interval import Interval
from eval.summary.rows import Difference, judge


def interval(estimate: float, half: float, p_value: float, effective: float = 50) -> Interval:
    return Interval(estimate - half, estimate, estimate + half, half / 2, 49, p_value, 60, 55, effective)


def test_verdicts_that_stand_together_are_corrected_together():
    rows = judge([Difference({"name": number}, interval(-0.1, 0.09, 0.03)) for number in range(3)])
    assert [row["verdict"] for row in rows] == ["undetectable"] * 3
    assert [row["adjusted_p"] for row in rows] == pytest.approx([0.09] * 3) and all(row["high"] < 0 for row in rows)
    assert judge([Difference({}, interval(-0.1, 0.09, 0.03))])[0]["verdict"] == "better"


def test_the_tolerance_of_a_domain_to_retain_is_a_hypothesis_of_its_own():
    alone, with_tolerance = (judge([Difference({}, interval(-0.1, 0.098, 0.045), tolerance)])[0] for tolerance in (None, 0.5))
    assert alone["verdict"] == "better" and "retained" not in alone
    assert with_tolerance["adjusted_p"] == pytest.approx(0.045) and with_tolerance["retained"] == "within"
    close = judge([Difference({}, interval(-0.1, 0.098, 0.045), -0.05)])[0]
    assert close["adjusted_p"] == pytest.approx(0.09) and (close["verdict"], close["retained"]) == ("undetectable", "undecided")


def test_rows_without_a_verdict_take_no_part_in_the_correction():
    lossy = Difference({}, interval(-0.5, 0.1, 0.0001), 0.01, is_lossy=True)
    few = Difference({}, interval(-0.5, 0.1, 0.0001, effective=9), 0.01)
    rows = judge([lossy, few, Difference({}, interval(-0.1, 0.09, 0.03))])
    assert [(row["verdict"], row.get("retained")) for row in rows] == [("lossy", "lossy"), ("too few", "too few"), ("better", None)]
    assert [row["adjusted_p"] for row in rows] == [None, None, pytest.approx(0.03)]
