"""Tests of mix/laws/implicit_domains.py: losses over text of several parts, the number of domains, and the record."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import read_law
from mix.laws.exponential import Exponential
from mix.laws.implicit_domains import ImplicitDomains
from mix.laws.law import Points
from mix.laws.tangent import central_differences
from tests.mix.laws.evidence import drawn, evidence_at, two_sources

LAW = ImplicitDomains()


def two_parts(shares):
    """Half of the text is like source a, half like source b; each is learned from its own source."""
    return 1.5 + 0.5 * np.exp(-6 * shares[:, 0]) + 0.5 * np.exp(-6 * shares[:, 1])


@pytest.mark.parametrize("n_sources", [2, 3, 5])
def test_text_of_two_parts_is_predicted_where_one_exponential_cannot(n_sources):
    evidence, held_out = drawn(two_parts, n_sources, 40, noise=0.002), drawn(two_parts, n_sources, 200, seed=9)
    errors = {law.name: np.sqrt(np.mean((law.fit(evidence).predict(held_out.points) - held_out.losses) ** 2)) for law in (LAW, Exponential())}
    assert errors["implicit_domains"] < 0.004
    assert errors["exponential"] > 5 * errors["implicit_domains"]


def test_domains_are_added_only_where_they_are_worth_their_parameters():
    assert len(LAW.fit(drawn(two_parts, 3, 60, noise=0.005)).scales) == 2

    def three_parts(shares):
        return two_parts(shares) + 0.5 * np.exp(-6 * shares[:, 2])

    assert len(LAW.fit(drawn(three_parts, 3, 60, noise=0.002)).scales) == 3


def test_losses_of_one_domain_are_predicted_as_well():
    def truth(shares):
        return 2 + np.exp(-3 * shares[:, 0] + shares[:, 1])

    held_out = drawn(truth, 3, 100, seed=3)
    fitted = LAW.fit(drawn(truth, 3, 30, noise=0.002))
    assert np.sqrt(np.mean((fitted.predict(held_out.points) - held_out.losses) ** 2)) < 0.004


def test_record_predicts_the_same_numbers_after_json():
    evidence = drawn(two_parts, 3, 30, noise=0.005)
    fitted = LAW.fit(evidence)
    again = read_law(json.loads(json.dumps(fitted.record(), allow_nan=False)))
    np.testing.assert_array_equal(again.predict(evidence.points), fitted.predict(evidence.points))
    with pytest.raises(MixError, match="not one of the law implicit_domains"):
        LAW.read(fitted.record() | {"scales": [1.0]})


def test_tangent_is_the_derivative_of_predictions():
    evidence = drawn(two_parts, 3, 30, noise=0.005)
    fitted = LAW.fit(evidence)
    n = len(fitted.scales)

    def curve(parameters):
        theta = parameters[1 + n :].reshape(fitted.theta.shape)
        return replace(fitted, constant=parameters[0], scales=parameters[1 : 1 + n], theta=theta).predict(evidence.points)

    parameters = np.concatenate([[fitted.constant], fitted.scales, fitted.theta.ravel()])
    np.testing.assert_allclose(fitted.tangent(evidence.points), central_differences(curve, parameters), atol=1e-6)
    assert fitted.tangent(evidence.points).shape[1] == fitted.n_free


def test_warm_start_comes_as_low_as_the_cold_one():
    evidence = drawn(two_parts, 3, 30, noise=0.005)
    near = evidence.with_losses(evidence.losses + np.random.default_rng(2).normal(0, 0.005, 30))
    start = LAW.fit(evidence)
    warm = ((LAW.fit(near, start=start).predict(near.points) - near.losses) ** 2).sum()
    cold = ((LAW.fit(near).predict(near.points) - near.losses) ** 2).sum()
    assert warm < 1.02 * cold


def test_constant_losses_and_unused_sources():
    constant = drawn(lambda shares: np.full(len(shares), 2.5), 3, 20)
    np.testing.assert_allclose(LAW.fit(constant).predict(constant.points), 2.5, atol=1e-7)
    used = drawn(two_parts, 2, 20)
    wide = evidence_at(np.column_stack([used.points.shares, np.zeros(20)]), used.losses)
    assert "t of c: the same share in every run" in LAW.fit(wide).unidentified


def test_few_ratios_are_refused_and_unknown_sources_have_no_prediction():
    assert LAW.problem(evidence_at(two_sources([0.1, 0.2, 0.3, 0.4]), np.ones(4))) == "5 parameters need at least 5 distinct ratios; there are 4"
    with pytest.raises(MixError, match="implicit_domains: every run has the same shares"):
        LAW.fit(evidence_at(two_sources([0.1] * 4), np.ones(4)))
    fitted = LAW.fit(drawn(two_parts, 2, 12))
    assert np.isnan(fitted.predict(Points.of_shares(("a", "b", "new"), np.array([[0.5, 0.3, 0.2]])))).all()


def test_explosion_beyond_the_runs_is_warned_of():
    shares = np.column_stack([np.linspace(0.5, 0.9, 12), np.linspace(0.5, 0.1, 12)])
    fitted = LAW.fit(evidence_at(shares, 2 + np.exp(25 * shares[:, 0] - 24)))
    assert "use it between the runs only" in fitted.warnings[0]
    assert LAW.fit(drawn(two_parts, 2, 30)).warnings == ()
