import numpy as np
import pytest

from eval.frontier.pareto import front_shares, standings


def test_points_stand_where_estimates_and_p_values_place_them():
    estimates = np.array([[0.0, 0.0], [-2.0, 1.0], [-1.0, 2.0], [-1.9, 1.1], [-2.0, 1.0]])
    p_values = {(1, 2): 1e-4, (1, 3): 0.3, (4, 2): 0.004, (4, 3): 0.3, (3, 2): 0.2}
    asked = []

    def p_value(one, other):
        asked.append((one, other))
        return p_values[one, other]

    found = standings(estimates, p_value)
    assert [one.status for one in found] == ["front", "front", "surely dominated", "possibly dominated", "front"]
    assert found[2].dominated_by == [1, 3, 4] and found[2].surely_by == [1, 4]
    assert sorted(asked) == sorted(p_values) and found[0].front_share is None


def test_all_pairs_are_corrected_together():
    """0.01 of ten pairs is 0.1 after Holm's correction, of one pair it stays."""
    estimates = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, -5.0], [3.0, -6.0], [4.0, -7.0]])
    assert standings(estimates, lambda one, other: 0.01)[1].status == "possibly dominated"
    assert standings(estimates[:2], lambda one, other: 0.01)[1].status == "surely dominated"


def test_a_third_axis_can_save_a_point():
    estimates = np.array([[-2.0, -2.0, 10.0], [-1.0, -1.0, 5.0], [-1.0, -1.0, 6.0]])
    assert [one.status for one in standings(estimates, lambda one, other: 0.0)] == ["front", "front", "surely dominated"]


def test_shares_of_draws_on_the_front():
    draws = np.array([[[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [-1.0, 1.0], [1.0, -1.0]]])
    assert front_shares(draws) == [1.0, 0.5, 1.0]
    random = np.random.default_rng(0).normal(size=(4000, 2, 2))
    assert front_shares(random) == [pytest.approx(0.75, abs=0.03)] * 2
