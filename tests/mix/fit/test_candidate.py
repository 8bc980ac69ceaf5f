"""One law on one domain."""

import numpy as np
import pytest

from mix.fit.candidate import baselines_of, too_few, try_law
from mix.fit.splits import splits_of
from tests.mix.fit.tables import Line, rows_of


def tried(law, rows):
    splits = splits_of(rows, 0)
    return try_law(law, rows, splits, baselines_of(rows, splits), "nats a token", 0)


CURVES = rows_of(
    np.repeat([0.1, 0.3, 0.5, 0.7], 3),
    np.concatenate([[3.0, 2.5, 1.0 + share] for share in (0.1, 0.3, 0.5, 0.7)]),
    run=np.repeat(np.arange(4), 3),
    steps=np.tile([100, 200, 300], 4),
    tokens=np.tile([1e6, 2e6, 3e6], 4),
)


def test_a_law_without_steps_is_fitted_to_the_end_of_each_run_and_not_tested_on_steps() -> None:
    found = tried(Line(), CURVES)
    assert (found.fitted.slope, found.fitted.offset) == pytest.approx((1, 1))
    assert found.facts.residual_deviation == pytest.approx(0, abs=1e-9) and set(found.facts.held_out) == {"ratio"}


def test_a_law_along_runs_is_fitted_to_all_steps_and_tested_on_the_last_ones() -> None:
    found = tried(Line(along_runs=True), CURVES)
    assert found.fitted.offset > 1.5 and set(found.facts.held_out) == {"ratio", "step"}
    assert "nearest" in found.facts.worse_than["step"]
    assert found.facts.verdict.startswith("worse than ")


def test_predictions_that_do_not_exist_leave_the_law_untested_with_the_reason() -> None:
    found = tried(Line(lambda points: np.full(len(points), np.inf) if len(points) < 3 else points.shares[:, 0]), CURVES)
    assert found.facts.not_tested["ratio"] == "predicts no finite loss for 1 of 1 rows of fold 1"
    assert found.facts.verdict == "not tested: nothing could be held out of these runs"


def test_a_law_that_cannot_be_fitted_says_why() -> None:
    found = tried(Line(), rows_of([0.5, 0.5], [1, 2]))
    assert found.fitted is None and found.facts.verdict == "not tried: needs two ratios"


def test_two_distinct_ratios_more_than_parameters_are_needed() -> None:
    rows = rows_of([0.1, 0.1, 0.5, 0.9], [1, 1, 2, 3])
    assert too_few(1, rows, False) is None and too_few(0, rows, False) is None
    assert too_few(2, rows, False) == "needs 4 distinct ratios (2 parameters and 2 to test them), and there are 3"
    assert tried(Line(), rows).facts.problem == too_few(2, rows, False)
