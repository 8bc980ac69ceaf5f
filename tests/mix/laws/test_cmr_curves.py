import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.cmr_curves import RunCurves, TwoPowers, critical_ratio, fit_critical_ratio
from mix.laws.power import Power

T = np.linspace(2, 100, 25)
PUBLISHED = {  # arXiv 2407.17467, Table 5: alpha4, s4, beta3; and the ratio in percent at T = 100 (20B tokens)
    "460M": ((0.22524761, 0.26944345, -0.48139982), 29.8),
    "940M": ((0.7520627, 0.13720245, -1.06581937), 34.9),
    "1.6B": ((-2.36384831, -0.15125569, 1.59223649), 41.4),
    "3.1B": ((-2.5368197, -0.42071423, 0.84375368), 47.8),
}


def curves(share: float) -> RunCurves:
    """The domain gains more and general text first loses, then recovers; both more strongly for larger shares of the domain."""
    return RunCurves(Power.of(-0.1 * share, 0.35, 0.0), TwoPowers(0.0, (0.05 * share, -0.0012 * (1 - share)), (0.2, 0.8)))


@pytest.mark.parametrize("size", PUBLISHED)
def test_gives_the_published_ratios(size):
    constants, percent = PUBLISHED[size]
    assert 100 * Power.of(*constants).at(np.array(100.0)) == pytest.approx(percent, abs=0.1)


def test_fits_ratios_at_other_numbers_of_tokens():
    truth = Power.of(*PUBLISHED["1.6B"][0])
    tokens = np.array([25.0, 50.0, 75.0, 125.0, 250.0])
    assert fit_critical_ratio(tokens, truth.at(tokens)).at(np.array(100.0)) == pytest.approx(float(truth.at(np.array(100.0))), abs=1e-5)


def test_turning_points_solve_the_paper_s_implicit_equation():
    run, multiplier = curves(0.4), 3.0
    (alpha1, s1), (s2, s3) = (run.domain.slope / run.domain.s, run.domain.s), run.general.s
    alpha2, alpha3 = run.general.slopes[0] / s2, run.general.slopes[1] / s3
    found = run.turning_points(multiplier, 1e4)
    assert len(found) == 1
    t0 = found[0]
    right = (-(alpha1 * s1) / (multiplier * alpha2 * s2) / (1 + alpha3 * s3 / (alpha2 * s2) * t0 ** (s3 - s2))) ** (1 / (s2 - s1))
    assert t0 == pytest.approx(right, rel=1e-9)
    assert run.general.rate(t0) / run.domain.rate(t0) == pytest.approx(-1 / multiplier, rel=1e-9)


def test_no_turning_point_before_the_run_ends_is_none():
    run = curves(0.4)
    first = run.turning_points(3.0, 1e4)[0]
    assert len(run.turning_points(3.0, first * 0.9)) == 0


def test_a_run_is_not_feasible_if_general_text_is_hurt_too_much_or_the_domain_gains_nothing():
    run = curves(0.4)
    assert run.is_feasible(3.0, 1e4)
    assert not run.is_feasible(3.0, 1e4, tolerance=float(run.general.at(np.array(1e4))) - 1e-6)
    assert not RunCurves(Power.of(0.1, 0.35, 0.0), run.general).is_feasible(3.0, 1e4)


def test_the_critical_ratio_is_the_largest_feasible_one():
    runs = {share: curves(share) for share in (0.125, 0.25, 0.5, 0.75, 1.0)}
    feasible = [share for share, run in runs.items() if run.is_feasible(3.0, 100.0)]
    assert 0 < len(feasible) < len(runs)
    assert critical_ratio(runs, 3.0, 100.0) == max(feasible)
    assert critical_ratio({1.0: runs[1.0]}, 3.0, 100.0) is None


def test_fitted_curves_follow_the_losses_between_evaluations():
    truth, rng = curves(0.5), np.random.default_rng(0)
    found = RunCurves.fit(T, truth.domain.at(T) + rng.normal(0, 1e-3, 25), truth.general.at(T) + rng.normal(0, 1e-3, 25))
    between = np.linspace(5, 95, 7)
    np.testing.assert_allclose(found.domain.at(between), truth.domain.at(between), atol=2e-3)
    np.testing.assert_allclose(found.general.at(between), truth.general.at(between), atol=2e-3)
    assert found.general.s[0] < found.general.s[1]


def test_few_evaluations_are_refused():
    with pytest.raises(MixError, match="6 evaluations along each run, at tokens above 0; there are 4"):
        RunCurves.fit(T[:4], T[:4], T[:4])
