"""Tests of mix/laws/projection.py: the gradient, signs of linear parameters, Huber's loss, the ridge, and steps beyond floating point."""

import numpy as np
import pytest

from mix.laws.projection import Projection
from mix.laws.tangent import central_differences

X = np.linspace(0, 1, 12)


class Exponentials:
    """Two exponentials of x."""

    def columns(self, theta):
        with np.errstate(over="ignore"):
            return np.exp(np.outer(X, theta))

    def slope(self, theta, columns, linear):
        return X[:, None] * columns * linear


def projection(losses, **settings):
    return Projection(Exponentials(), losses, **({"positive": np.ones(2, bool)} | settings))


LOSSES = 1 + 0.5 * np.exp(-6 * X) + 0.3 * np.exp(-X) + 0.01 * np.cos(40 * X)


@pytest.mark.parametrize("settings", [{}, {"weights": 1 / LOSSES}, {"ridge": 0.01}], ids=["plain", "weighted", "ridge"])
def test_gradient_of_the_cost_is_exact(settings):
    problem, theta = projection(LOSSES, **settings), np.array([-4.0, -0.5])
    gradient = 2 * problem.jacobian(theta) @ problem.residuals(theta)
    differences = central_differences(lambda at: np.array([problem.cost(at)]), theta)
    np.testing.assert_allclose(gradient, differences[0], rtol=1e-6, atol=1e-10)


def test_search_ends_at_a_minimum_and_the_best_start_wins():
    problem = projection(LOSSES)
    found = problem.best([np.array([-1.0, -0.9]), np.array([-5.0, -0.5]), np.array([3.0, 4.0])], n_searches=3)
    rng = np.random.default_rng(0)
    assert all(problem.cost(found.theta + rng.normal(0, 0.1, 2)) >= found.cost for _ in range(100))


def test_linear_parameters_keep_their_signs():
    problem = projection(LOSSES[::-1].copy(), constant_positive=True)
    found = problem.search(np.array([-4.0, -0.5]))
    assert (found.linear >= 0).all() and found.constant >= 0
    from scipy.optimize import nnls

    columns = np.column_stack([np.ones(12), Exponentials().columns(found.theta)])
    assert problem.cost(found.theta) == pytest.approx(nnls(columns, LOSSES[::-1])[1] ** 2, rel=1e-6)


def test_robust_search_forgets_an_outlier():
    spoiled = LOSSES.copy()
    spoiled[5] += 2
    problem = projection(spoiled)
    plain = problem.search(np.array([-4.0, -0.5]))
    robust = problem.robust(plain, 0.02)
    good = np.arange(12) != 5

    def worst(found):
        return np.abs(found.constant + Exponentials().columns(found.theta) @ found.linear - LOSSES)[good].max()

    assert worst(robust) < 0.05 < worst(plain)
    assert problem.search(plain.theta).cost == pytest.approx(plain.cost)  # the weights are back


def test_steps_beyond_floating_point_are_not_taken():
    problem = projection(LOSSES)
    assert problem.cost(np.array([2000.0, -1.0])) > 1e100
    found = problem.best([np.array([2000.0, -1.0]), np.array([-4.0, -0.5])], n_searches=2)
    assert found.cost < 0.01


def test_spread_is_boundless_where_no_row_resolves_a_parameter():
    problem = projection(np.full(12, 2.0))
    assert (problem.spread(np.array([-4.0, -0.5]), 0.01) > 1e6).all()
    known = projection(LOSSES)
    assert (known.spread(np.array([-6.0, -1.0]), 1e-4) < 0.1).all()
