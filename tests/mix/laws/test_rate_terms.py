"""Tests of mix/laws/rate_terms.py: exact derivatives of all forms, which the fits rest on."""

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.law import Points
from mix.laws.learning_rate_replay import ReplayForm
from mix.laws.learning_rate_size import SizeForm
from mix.laws.rate_law import FittedRates, RateLaw
from mix.laws.rate_terms import Pretraining, RateForm
from tests.mix.laws.rate_curves import CONSTANT, WSD, continued_curve, points_of, whole_curve

WHOLE = points_of([whole_curve(WSD, every=400), whole_curve(CONSTANT, every=400)], old=[0.2, 0.7], sizes=[1.1e8, 6e8])
CONTINUED = points_of([continued_curve(WSD, every=400), continued_curve(CONSTANT, every=400)], old=[0.2, 0.7], sizes=[1.1e8, 6e8])
CASES = [
    (make(pretraining, rises), points)
    for rises in (True, False)
    for pretraining, points in (
        (Pretraining(True), WHOLE),
        (Pretraining(False), CONTINUED),
        (Pretraining(False, (0.8, 0.16)), CONTINUED),
    )
    for make in (
        lambda pretraining, rises: RateForm(pretraining, 0.4, rises),
        lambda pretraining, rises: SizeForm(pretraining, 0.4, rises),
        lambda pretraining, rises: ReplayForm(pretraining, 0.4, rises, "old"),
    )
]


def numerical(function, at, step=1e-6):
    """float64[p, …]: central differences."""
    return np.stack([(function(at + step * unit) - function(at - step * unit)) / (2 * step) for unit in np.eye(len(at))])


@pytest.mark.parametrize(("form", "points"), CASES)
def test_derivatives_are_exact(form, points):
    low, high = form.bounds()
    columns = form.columns(points)
    for share in (0.4, 0.6):
        theta = low + share * (high - low)
        expected = numerical(lambda theta: columns(theta)[0], theta)
        np.testing.assert_allclose(columns(theta)[1], expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("form", "points"), CASES)
def test_the_tangent_is_what_predictions_change_by(form, points):
    low, high = form.bounds()
    theta = low + 0.5 * (high - low)
    linear = np.linspace(1, 2, len(form.linear))

    def fitted(vector):
        solution = type("Solution", (), {"coefficients": vector[: len(linear)], "theta": vector[len(linear) :]})
        return FittedRates(RateLaw, form, form.parameters(solution))

    at = np.concatenate([linear, theta])
    expected = numerical(lambda vector: fitted(vector).predict(points), at).T
    np.testing.assert_allclose(fitted(at).tangent(points), expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_a_table_where_some_rows_know_pretraining_is_refused():
    areas = np.array([[1.0, 0.1, 0.2, 0.0], [np.nan, 0.1, 0.3, 0.0]])
    with pytest.raises(MixError, match="1 of 2 rows"):
        Pretraining.of(points_of([areas]))


def test_what_is_known_of_pretraining():
    areas = np.array([[1.0, 0.1, 0.2, 0.0], [1.0, 0.1, 0.3, 0.0]])
    assert Pretraining.of(points_of([areas])) == Pretraining(False, (1.0, 0.1))
    assert Pretraining.of(points_of([areas * [[1], [2]]])) == Pretraining(True)
    assert Pretraining.of(Points.of_shares(("a",), np.ones((2, 1)))) == Pretraining(False)
