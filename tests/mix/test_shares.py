import numpy as np
import pytest

from mix.shares import Flow
from tests.mix.conftest import shares


def test_asked_tokens_are_the_integral_of_the_shares():
    wanted = shares([1000, 500], [[(3, 1), (1, 1), (0, 2)], [(0, 0), (1, 4), (1, 1)]])
    steps = 200_000
    centres = (np.arange(steps) + 0.5) / steps
    integral = np.zeros(3)
    for stage, length in enumerate([1000, 500]):
        share = wanted.begin[stage] + (wanted.end[stage] - wanted.begin[stage]) * centres[:, None]
        partial = np.cumsum(share, axis=0) * length / steps
        for place in (0, steps // 3, steps - 1):
            position = wanted.bounds[stage] + (place + 1) / steps * length
            assert Flow(wanted).asked(position) == pytest.approx(integral + partial[place], abs=1e-3)
        integral = integral + partial[-1]


def test_asked_tokens_sum_to_the_position_and_end_with_the_last_stage():
    wanted = shares([1000, 500], [[(3, 1), (1, 7)], [(1, 0), (0, 1)]])
    flow, positions = Flow(wanted), np.linspace(0, 1500, 37)
    assert [flow.asked(position).sum() for position in positions] == pytest.approx(positions)
    assert flow.asked(1700) == pytest.approx(flow.asked(1500))
