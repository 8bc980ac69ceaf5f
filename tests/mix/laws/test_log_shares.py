"""Tests of mix/laws/log_shares.py: held-out mixtures, unused sources, and the record."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import read_law
from mix.laws.exponential import Exponential
from mix.laws.law import Points
from mix.laws.log_offset import LOG_OFFSET
from mix.laws.log_shares import LogShares
from mix.laws.tangent import central_differences
from tests.mix.laws.evidence import drawn, evidence_at, two_sources

LAW = LogShares()


def truth_of(n_sources):
    weights = 0.02 * 3.0 ** np.arange(n_sources)[::-1]
    return lambda shares: 2 - 0.1 * np.log(shares @ weights)


@pytest.mark.parametrize("n_sources", [3, 5, 17])
def test_held_out_mixtures_are_predicted(n_sources):
    truth = truth_of(n_sources)
    held_out = drawn(truth, n_sources, 200, seed=1)
    exact = LAW.fit(drawn(truth, n_sources, 6 * n_sources))
    assert np.abs(exact.predict(held_out.points) - held_out.losses).max() < 2e-3
    noisy = LAW.fit(drawn(truth, n_sources, 10 * n_sources, noise=0.003))
    assert np.sqrt(np.mean((noisy.predict(held_out.points) - held_out.losses) ** 2)) < 0.004


def test_losses_with_a_logarithm_are_predicted_better_than_by_an_exponential():
    truth = truth_of(4)
    evidence, held_out = drawn(truth, 4, 30, noise=0.003), drawn(truth, 4, 200, seed=1)
    errors = [np.sqrt(np.mean((law.fit(evidence).predict(held_out.points) - held_out.losses) ** 2)) for law in (LAW, Exponential())]
    assert errors[0] < 0.5 * errors[1]


def test_two_sources_are_left_to_log_offset_which_is_the_same_form():
    shares = two_sources(list(np.linspace(0, 1, 9)))
    losses = 2 - 0.1 * np.log(shares @ [1.0, 0.05])
    assert LAW.problem(evidence_at(shares, losses)) == "with two sources it is log_offset"
    fitted = LOG_OFFSET.fit(evidence_at(shares, losses, source=0))
    np.testing.assert_allclose(fitted.predict(Points.of_shares(("a", "b"), shares)), losses, atol=1e-5)


def test_record_and_warm_start_and_order_of_sources():
    evidence = drawn(truth_of(4), 4, 24, noise=0.003)
    fitted = LAW.fit(evidence)
    again = read_law(json.loads(json.dumps(fitted.record(), allow_nan=False)))
    np.testing.assert_array_equal(again.predict(evidence.points), fitted.predict(evidence.points))
    with pytest.raises(MixError, match="not one of the law log_shares"):
        LAW.read(fitted.record() | {"theta": [0.0]})
    near = evidence.with_losses(evidence.losses + np.random.default_rng(2).normal(0, 0.003, 24))
    np.testing.assert_allclose(LAW.fit(near, start=fitted).predict(near.points), LAW.fit(near).predict(near.points), atol=1e-4)
    swapped = Points.of_shares(("d", "b", "a", "c"), evidence.points.shares[:, [3, 1, 0, 2]])
    np.testing.assert_allclose(fitted.predict(swapped), fitted.predict(evidence.points), rtol=1e-12)


def test_tangent_is_the_derivative_of_predictions():
    evidence = drawn(truth_of(3), 3, 15, noise=0.003)
    fitted = LAW.fit(evidence)

    def curve(parameters):
        return replace(fitted, level=parameters[0], fall=parameters[1], theta=parameters[2:]).predict(evidence.points)

    differences = central_differences(curve, np.array([fitted.level, fitted.fall, *fitted.theta]))
    np.testing.assert_allclose(fitted.tangent(evidence.points), differences, atol=1e-8)


def test_what_the_runs_do_not_tell_is_named():
    used = drawn(truth_of(3), 3, 15)
    wide = evidence_at(np.column_stack([used.points.shares, np.zeros(15)]), used.losses)
    assert "v of d: the same share in every run" in LAW.fit(wide).unidentified
    constant = LAW.fit(drawn(lambda shares: np.full(len(shares), 2.0), 3, 15))
    assert np.isfinite(constant.predict(used.points)).all()
    np.testing.assert_allclose(constant.predict(used.points), 2.0, atol=1e-9)
    useless = LAW.fit(drawn(lambda shares: 2 - 0.1 * np.log(shares @ [1.0, 0.5, 1e-5]), 3, 40))
    assert any("too small to tell from 0" in doubt for doubt in useless.unidentified)


def test_few_ratios_are_refused_with_the_number_needed():
    with pytest.raises(MixError, match="log_shares: 4 parameters need at least 4 distinct ratios; there are 3"):
        LAW.fit(drawn(truth_of(3), 3, 3))
