import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.power import Power, fit_power, powered, powered_slope

X = np.array([1 / 3, 0.5, 0.75, 1.0])
TABLE_2 = {  # arXiv 2407.17467, Table 2: losses at R = 1, .75, .5 and 1/3, and the measured one at .25
    "460M": ([1.4628, 1.4844, 1.5122, 1.5387], 1.5561),
    "940M": ([1.3723, 1.3910, 1.4155, 1.4385], 1.4538),
    "1.6B": ([1.3242, 1.3416, 1.3643, 1.3854], 1.3994),
    "3.1B": ([1.2585, 1.2750, 1.2965, 1.3170], 1.3305),
}


@pytest.mark.parametrize("size", TABLE_2)
def test_predicts_the_published_loss_at_a_quarter(size):
    losses, measured = TABLE_2[size]
    assert abs(fit_power(X[::-1], np.array(losses)).at(np.array(0.25)) / measured - 1) < 2e-4


@pytest.mark.parametrize("s", [-1.5, -0.3, 0.0, 0.4, 2.0])
def test_recovers_a_curve_through_a_change_of_sign(s):
    truth = Power(2.0, -0.3, s)
    found = fit_power(X, truth.at(X))
    np.testing.assert_allclose(found.at(np.array([0.1, 0.9])), truth.at(np.array([0.1, 0.9])), atol=1e-7)


def test_a_share_of_zero_keeps_the_curve_finite():
    x = np.linspace(0, 1, 6)
    found = fit_power(x, 2 - 0.3 * np.log(x + 0.02))
    assert found.s > 0
    assert np.isfinite(found.at(x)).all()


def test_the_paper_s_constants_give_the_same_curve():
    np.testing.assert_allclose(Power.of(-0.4, -0.2, 2.0).at(X), -0.4 * X**-0.2 + 2.0)


def test_slopes_are_derivatives():
    for s in (-1.0, -1e-5, 0.0, 1e-5, 0.7):
        around = (powered(X, s + 1e-5) - powered(X, s - 1e-5)) / 2e-5
        np.testing.assert_allclose(powered_slope(X, s), around, atol=1e-5)
    curve = Power(1.0, 0.4, 0.3)
    np.testing.assert_allclose(curve.rate(X), (curve.at(X + 1e-6) - curve.at(X - 1e-6)) / 2e-6, rtol=1e-6)


def test_two_points_are_refused():
    with pytest.raises(MixError, match="needs 3 different points; there are 2"):
        fit_power(np.array([0.1, 0.5, 0.5]), np.array([1.0, 2.0, 2.0]))
