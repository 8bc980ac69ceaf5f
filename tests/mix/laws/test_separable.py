import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.separable import solve, standard_errors

X = np.linspace(0.1, 1, 12)


def decay(theta):
    """One column exp(-theta x) and its derivative."""
    column = np.exp(-theta[0] * X)
    return column[:, None], (-X * column)[None, :, None]


BOUNDS = np.array([0.1]), np.array([20.0])


def test_finds_the_curve_and_keeps_the_bounds():
    found = solve(decay, *BOUNDS, 2 + 0.5 * np.exp(-3 * X), seed=0)
    np.testing.assert_allclose([*found.coefficients, *found.theta], [2, 0.5, 3], rtol=1e-5)
    outside = solve(decay, np.array([4.0]), np.array([20.0]), 2 + 0.5 * np.exp(-3 * X), seed=0)
    assert 4.0 <= outside.theta[0] < 4.01


def test_no_coefficient_is_negative():
    found = solve(decay, *BOUNDS, 2 - 0.5 * np.exp(-3 * X), seed=0)
    assert (found.coefficients >= 0).all()
    assert found.coefficients[1] == 0


def test_huber_weights_hold_against_wild_values():
    losses = 2 + 0.5 * np.exp(-3 * X) + np.random.default_rng(0).normal(0, 1e-3, len(X))
    losses[5] += 0.4
    found = solve(decay, *BOUNDS, losses, seed=0)
    np.testing.assert_allclose(found.coefficients[0] + decay(found.theta)[0][:, 0] * found.coefficients[1], 2 + 0.5 * np.exp(-3 * X), atol=4e-3)


def test_standard_errors_match_the_spread_of_refits():
    truth, rng = 2 + 0.5 * np.exp(-3 * X), np.random.default_rng(1)
    stated, found = [], []
    for _ in range(150):
        losses = truth * (1 + rng.normal(0, 2e-3, len(X)))
        solution = solve(decay, *BOUNDS, losses, seed=0, start=np.array([3.0]))
        errors = standard_errors(decay, solution, losses)
        stated.append([*errors[0], *errors[1]])
        found.append([*solution.coefficients, *solution.theta])
    np.testing.assert_allclose(np.std(found, axis=0), np.median(stated, axis=0), rtol=0.35)


def test_an_unresolved_direction_has_an_infinite_or_huge_error():
    def without_effect(theta):
        return np.exp(-3 * X)[:, None], np.zeros((1, len(X), 1))

    losses = 2 + 0.5 * np.exp(-3 * X)
    assert np.isinf(standard_errors(without_effect, solve(without_effect, *BOUNDS, losses, seed=0), losses)[1][0])


def test_columns_that_are_not_numbers_are_refused():
    with pytest.raises(MixError, match="positive numbers"):
        solve(lambda theta: (np.full((12, 1), np.nan), np.zeros((1, 12, 1))), *BOUNDS, 2 + X, seed=0)
