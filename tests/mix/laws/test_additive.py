"""Tests of mix/laws/additive.py: held-out sizes, terms that do not vary, robustness, and the record."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.additive import ADDITIVE, ADDITIVE_PRODUCT
from mix.laws.catalog import read_law
from mix.laws.law import Evidence, Points
from mix.laws.tangent import central_differences

SIZES = (1e8, 3e8, 7e8)


def grid(sizes=SIZES, tokens=(4e9, 1e10, 4e10), n_mixtures=12, seed=0):
    """Points at all sizes and tokens of mixtures of three sources."""
    shares = np.random.default_rng(seed).dirichlet(np.ones(3), n_mixtures)
    n, d, row = (part.ravel() for part in np.meshgrid(sizes, tokens, np.arange(n_mixtures), indexing="ij"))
    return replace(Points.of_shares(("a", "b", "c"), shares[row]), parameters=n, tokens=d)


def sum_truth(points):
    mixture = np.exp(-2 * points.shares[:, 0] + points.shares[:, 1] - 1)
    return 1.7 + 0.5 * (points.parameters / 1e8) ** -0.3 + 0.4 * (points.tokens / 1e9) ** -0.35 + mixture


def product_truth(points):
    mixture = np.exp(-2 * points.shares[:, 0] + points.shares[:, 1] - 1)
    return 1.7 + 0.5 * (points.parameters / 1e8) ** -0.3 + mixture * (0.5 + 2 * (points.tokens / 1e9) ** -0.35)


def evidence_at(points, losses):
    return Evidence(points, losses, np.arange(len(losses)))


@pytest.mark.parametrize(("law", "truth"), [(ADDITIVE, sum_truth), (ADDITIVE_PRODUCT, sum_truth), (ADDITIVE_PRODUCT, product_truth)])
def test_larger_models_are_predicted(law, truth):
    points, larger = grid(), grid((2.7e9,), seed=1)
    exact = law.fit(evidence_at(points, truth(points)))
    np.testing.assert_allclose(exact.predict(larger), truth(larger), rtol=1e-5)
    noisy = law.fit(evidence_at(points, truth(points) * (1 + np.random.default_rng(2).normal(0, 0.002, len(points)))))
    assert np.mean(np.abs(noisy.predict(larger) / truth(larger) - 1)) < 0.006


def test_diverged_runs_hardly_move_the_fit():
    points, larger = grid(), grid((2.7e9,), seed=1)
    losses = sum_truth(points) * (1 + np.random.default_rng(2).normal(0, 0.002, len(points)))
    losses[[5, 40]] *= 2
    assert np.mean(np.abs(ADDITIVE.fit(evidence_at(points, losses)).predict(larger) / sum_truth(larger) - 1)) < 0.01


def test_rows_may_come_in_any_order_and_twice():
    points = grid()
    evidence = evidence_at(points, sum_truth(points))
    shuffled = ADDITIVE.fit(evidence.take(np.random.default_rng(0).permutation(len(points))))
    doubled = ADDITIVE.fit(evidence.take(np.concatenate([np.arange(len(points)), np.arange(10)])))
    for fitted in (shuffled, doubled):
        np.testing.assert_allclose(fitted.predict(points), evidence.losses, rtol=1e-6)


def test_numbers_that_do_not_vary_are_left_out_and_named():
    points = grid(sizes=(3e8,))
    fitted = ADDITIVE.fit(evidence_at(points, sum_truth(points)))
    assert "A, a: all points have the same sizes, or none is known" in fitted.unidentified
    unknown = replace(points, parameters=np.full(len(points), np.nan))
    np.testing.assert_allclose(fitted.predict(unknown), sum_truth(points), rtol=1e-5)


def test_two_sizes_do_not_tell_the_exponent():
    points = grid(sizes=(1e8, 7e8))
    doubts = ADDITIVE.fit(evidence_at(points, sum_truth(points))).unidentified
    assert "a: two different sizes do not tell the exponent from E" in doubts


def test_a_term_that_the_losses_lack_is_named():
    points = grid()
    fitted = ADDITIVE.fit(evidence_at(points, 2 + 0.4 * (points.tokens / 1e9) ** -0.35 + 0.1 * np.log(points.parameters / 1e8)))
    assert "A: 0, so what multiplies it is unknown" in fitted.unidentified


def test_points_without_a_number_that_the_law_uses_have_no_prediction():
    points = grid()
    fitted = ADDITIVE.fit(evidence_at(points, sum_truth(points)))
    assert np.isnan(fitted.predict(Points.of_shares(("a", "b", "c"), points.shares[:2], tokens=1e10))).all()


@pytest.mark.parametrize("law", [ADDITIVE, ADDITIVE_PRODUCT], ids=lambda law: law.name)
def test_record_predicts_the_same_numbers_after_json(law):
    points = grid()
    fitted = law.fit(evidence_at(points, product_truth(points)))
    again = read_law(json.loads(json.dumps(fitted.record(), allow_nan=False)))
    np.testing.assert_array_equal(again.predict(points), fitted.predict(points))
    with pytest.raises(MixError, match=f"not one of the law {law.name}"):
        law.read(fitted.record() | {"theta": [1.0]})


@pytest.mark.parametrize("law", [ADDITIVE, ADDITIVE_PRODUCT], ids=lambda law: law.name)
def test_tangent_and_slope_agree_with_differences(law):
    points = grid(n_mixtures=4)
    fitted = law.fit(evidence_at(points, product_truth(points)))
    assert fitted.tangent(points).shape == (len(points), fitted.n_free)
    basis = fitted._basis(points)
    linear = np.array(list(fitted.coefficients.values()))
    differences = central_differences(lambda theta: basis.columns(theta) @ linear, fitted.theta)
    np.testing.assert_allclose(basis.slope(fitted.theta, basis.columns(fitted.theta), linear), differences, atol=1e-7)


def test_warm_start_reaches_the_minimum_of_the_cold_one():
    points = grid()
    rng = np.random.default_rng(3)
    first, second = (evidence_at(points, sum_truth(points) * (1 + rng.normal(0, 0.002, len(points)))) for _ in range(2))
    warm, cold = ADDITIVE.fit(second, start=ADDITIVE.fit(first)), ADDITIVE.fit(second)
    np.testing.assert_allclose(warm.predict(points), cold.predict(points), rtol=2e-5)


def test_what_cannot_be_fitted_is_refused():
    points = grid()
    with pytest.raises(MixError, match="additive: losses must be positive numbers"):
        ADDITIVE.fit(evidence_at(points, np.zeros(len(points))))
    shares_alone = grid(sizes=(1e8,), tokens=(1e10,))
    assert "all points have the same size and tokens" in str(ADDITIVE.problem(evidence_at(shares_alone, np.ones(12))))
    sizes_alone = grid(tokens=(1e10,))
    assert ADDITIVE_PRODUCT.problem(evidence_at(sizes_alone, np.ones(36))) == "its product needs points that differ in tokens and in shares"
    few = evidence_at(points.take(np.array([0, 40, 80])), np.ones(3))
    assert ADDITIVE.problem(few) == "6 parameters need at least 6 points; there are 3"
    repeated = evidence_at(points.take(np.tile([0, 40, 80], 3)), np.ones(9))
    assert ADDITIVE.problem(repeated) == "3 sources need at least 4 distinct ratios; there are 3"
