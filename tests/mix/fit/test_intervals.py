import numpy as np
import pytest

from mix.fit.intervals import intervals_of
from mix.laws.law import Points
from tests.mix.fit.tables import FittedLine

POINTS = Points.of_shares(("a", "b"), np.array([[0.0, 1.0], [1.0, 0.0]]))


def test_intervals_are_percentiles_of_the_resampled_predictions() -> None:
    laws = [FittedLine(2 * offset, offset) for offset in np.linspace(0, 1, 101)]
    found = intervals_of(laws, POINTS, 0.9, 0.0, 0)
    assert found.low == pytest.approx([0.05, 0.15]) and found.high == pytest.approx([0.95, 2.85])
    assert found.run_low == pytest.approx(found.low) and found.run_high == pytest.approx(found.high)


def test_the_spread_of_the_laws_and_the_noise_of_a_run_add_up() -> None:
    offsets = np.random.default_rng(0).normal(3, 0.3, 20_000)
    found = intervals_of([FittedLine(0, offset) for offset in offsets], POINTS, 0.95, 0.4, 0)
    assert found.run_low == pytest.approx([3 - 1.96 * 0.5] * 2, abs=0.02) and found.run_high == pytest.approx([3 + 1.96 * 0.5] * 2, abs=0.02)


def test_the_interval_of_one_run_adds_the_noise_and_more_of_it_where_the_noise_is_known_from_few_runs() -> None:
    laws = [FittedLine(0, 3)] * 20
    known, few = (intervals_of(laws, POINTS, 0.9, 0.1, freedom) for freedom in (0, 2))
    assert known.low == pytest.approx([3, 3]) == known.high
    assert known.run_high[0] - 3 == pytest.approx(0.1 * 1.6449, rel=1e-4) and few.run_high[0] - 3 == pytest.approx(0.1 * 2.9200, rel=1e-4)
    assert known.run_low[0] + known.run_high[0] == pytest.approx(6)
