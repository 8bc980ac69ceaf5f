"""Tests of mix/laws/own_share.py, log_offset.py and power_offset.py: prediction between ratios, limits, and which share counts."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import read_law
from mix.laws.exponential import Exponential
from mix.laws.law import Points
from mix.laws.log_offset import LOG_OFFSET
from mix.laws.power_offset import POWER_OFFSET
from mix.laws.tangent import central_differences
from tests.mix.laws.evidence import drawn, evidence_at, two_sources

LAWS = (LOG_OFFSET, POWER_OFFSET)
SHARES = [0.0, 0.01, 0.03, 0.05, 0.1, 0.25, 0.4, 0.5]
BETWEEN = [0.005, 0.02, 0.07, 0.15, 0.3, 0.45]


def log_truth(shares):
    return 1.64 - 0.037 * np.log1p(shares[:, 0] / 0.0114)


def power_truth(shares):
    return 1.2 + 0.25 * (shares[:, 0] + 0.02) ** -0.15


@pytest.mark.parametrize(("law", "truth"), [(LOG_OFFSET, log_truth), (POWER_OFFSET, power_truth), (POWER_OFFSET, log_truth)])
def test_ratios_between_the_runs_are_predicted(law, truth):
    shares, between = two_sources(SHARES), two_sources(BETWEEN)
    fitted = law.fit(evidence_at(shares, truth(shares), source=0))
    np.testing.assert_allclose(fitted.predict(Points.of_shares(("a", "b"), between)), truth(between), atol=2e-5)
    noisy = law.fit(evidence_at(shares, truth(shares) + np.random.default_rng(0).normal(0, 0.002, 8), source=0))
    assert np.abs(noisy.predict(Points.of_shares(("a", "b"), between)) - truth(between)).max() < 0.005


def test_replay_sweep_is_described_where_the_exponential_fails():
    """Means of three seeds of the replay sweep (docs/explanation/replay.md), and their standard deviations between seeds."""
    shares = two_sources([0.0, 0.01, 0.05, 0.25, 0.5])
    evidence = evidence_at(shares, np.array([1.6386, 1.6180, 1.5738, 1.5222, 1.4961]), source=0)
    error = np.array([0.0049, 0.0037, 0.0023, 0.0024, 0.0016]) / np.sqrt(3)
    squares = {law.name: float((((law.fit(evidence).predict(evidence.points) - evidence.losses) / error) ** 2).sum()) for law in (*LAWS, Exponential())}
    assert squares["log_offset"] < 6
    assert squares["power_offset"] < 6
    assert squares["exponential"] > 100


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_slope_is_the_derivative(law):
    share = np.linspace(0, 1, 7)
    for theta in law.form.grid():
        _, slope = law.form.fallen(share, theta)
        for number in range(len(theta)):
            step = np.zeros(len(theta))
            step[number] = 1e-5
            difference = (law.form.fallen(share, theta + step)[0] - law.form.fallen(share, theta - step)[0]) / 2e-5
            np.testing.assert_allclose(slope[:, number], difference, atol=1e-6)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_tangent_is_the_derivative_of_predictions(law):
    shares = two_sources(SHARES)
    fitted = law.fit(evidence_at(shares, log_truth(shares) + 0.001 * np.cos(np.arange(8)), source=0))
    points = Points.of_shares(("b", "a"), two_sources(BETWEEN)[:, ::-1])

    def curve(parameters):
        return replace(fitted, at_zero=parameters[0], fall=parameters[1], theta=parameters[2:]).predict(points)

    differences = central_differences(curve, np.array([fitted.at_zero, fitted.fall, *fitted.theta]))
    np.testing.assert_allclose(fitted.tangent(points), differences, atol=1e-7)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_record_predicts_the_same_numbers_after_json(law):
    shares = two_sources(SHARES)
    fitted = law.fit(evidence_at(shares, log_truth(shares) + 0.001 * np.cos(np.arange(8)), source=0))
    again = read_law(json.loads(json.dumps(fitted.record(), allow_nan=False)))
    points = Points.of_shares(("b", "a"), two_sources(BETWEEN)[:, ::-1])
    np.testing.assert_array_equal(again.predict(points), fitted.predict(points))
    with pytest.raises(MixError, match=f"not one of the law {law.name}"):
        law.read(fitted.record() | {"own": "z"})


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_warm_start_reaches_the_minimum_of_the_cold_one(law):
    shares = two_sources(SHARES)
    rng = np.random.default_rng(1)
    evidence = evidence_at(shares, log_truth(shares) + rng.normal(0, 0.002, 8), source=0)
    near = evidence.with_losses(log_truth(shares) + rng.normal(0, 0.002, 8))
    warm, cold = law.fit(near, start=law.fit(evidence)), law.fit(near)
    np.testing.assert_allclose(warm.predict(near.points), cold.predict(near.points), atol=2e-4)


def test_of_two_sources_the_one_that_lowers_the_loss_is_found():
    shares = two_sources(SHARES)
    fitted = LOG_OFFSET.fit(evidence_at(shares[:, ::-1], log_truth(shares)))
    assert fitted.own == "b"
    assert fitted.warnings == ()


def test_of_more_sources_the_own_one_must_be_known():
    evidence = drawn(log_truth, 3, 12)
    with pytest.raises(MixError, match=r"log_offset: it needs to know which source.*domains"):
        LOG_OFFSET.fit(evidence)
    known = LOG_OFFSET.fit(drawn(log_truth, 3, 12, source=0))
    assert known.warnings == ("It looks at the share of a alone, however the others are divided.",)


def test_few_distinct_shares_are_refused_with_the_number_needed():
    shares = two_sources([0.1, 0.1, 0.3, 0.3])
    assert LOG_OFFSET.problem(evidence_at(shares, np.ones(4), source=0)) == (
        "3 parameters need at least 3 distinct shares of the domain's own source; there are 2"
    )
    assert "4 parameters need at least 4" in str(POWER_OFFSET.problem(evidence_at(shares, np.ones(4), source=0)))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_straight_constant_and_rising_losses_are_named(law):
    shares = two_sources(SHARES)
    straight = law.fit(evidence_at(shares, 2 - 0.3 * shares[:, 0], source=0))
    assert any("straight line" in doubt for doubt in straight.unidentified)
    np.testing.assert_allclose(straight.predict(Points.of_shares(("a", "b"), two_sources(BETWEEN))), 2 - 0.3 * np.array(BETWEEN), atol=2e-4)
    rising = law.fit(evidence_at(shares, 2 + 0.3 * shares[:, 0], source=0))
    assert "do not fall as the share of a rises" in rising.unidentified[0]
    constant = law.fit(evidence_at(shares, np.full(8, 2.0), source=0))
    np.testing.assert_allclose(constant.predict(Points.of_shares(("a", "b"), shares)), 2.0, atol=1e-9)


def test_exponential_losses_are_the_limit_of_the_power():
    shares = two_sources(list(np.linspace(0, 1, 9)))
    fitted = POWER_OFFSET.fit(evidence_at(shares, 2 + 0.5 * np.exp(-5 * shares[:, 0]), source=0))
    between = two_sources(BETWEEN)
    np.testing.assert_allclose(fitted.predict(Points.of_shares(("a", "b"), between)), 2 + 0.5 * np.exp(-5 * between[:, 0]), atol=5e-3)
    assert fitted.unidentified
