"""Tests of mix/laws/exponential.py: prediction of held-out ratios, degenerate evidence, and the record."""

import json

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import read_law
from mix.laws.exponential import LOG_LINEAR, Exponential
from mix.laws.law import Points
from tests.mix.laws.evidence import drawn, evidence_at, two_sources

LAW = Exponential()


@pytest.mark.parametrize(("n_sources", "n_runs"), [(2, 8), (3, 16), (5, 30), (17, 120)])
def test_held_out_ratios_are_predicted_within_the_noise(n_sources, n_runs):
    t = np.random.default_rng(n_sources).normal(0, 2, n_sources)

    def truth(shares):
        return 1.5 + 0.8 * np.exp(shares @ t - t.max())

    held_out = drawn(truth, n_sources, 200, seed=1)
    assert np.abs(LAW.fit(drawn(truth, n_sources, n_runs)).predict(held_out.points) - held_out.losses).max() < 1e-5
    noisy = LAW.fit(drawn(truth, n_sources, n_runs, noise=0.002))
    assert np.sqrt(np.mean((noisy.predict(held_out.points) - held_out.losses) ** 2)) < 0.004


def test_published_two_domain_fit_is_reproduced_from_its_own_curve():
    """c, k and b of Pythia-70M continued on the Pile and Python: k·exp(b·r) with ln k = −1.6936."""
    shares = two_sources([0.125, 0.25, 0.375, 0.5])
    evidence = evidence_at(shares, 2.81034 + np.exp(-3.7407 * shares[:, 0] - 1.6936))
    record = LAW.fit(evidence).record()
    assert record["c"] == pytest.approx(2.81034, abs=1e-5)
    assert np.log(record["k"]) + record["t"][1] == pytest.approx(-1.6936, abs=1e-4)
    assert record["t"][0] - record["t"][1] == pytest.approx(-3.7407, abs=1e-3)


def test_four_noisy_points_get_the_least_squares_answer():
    """With one degree of freedom any prior or robust loss would move the answer: compare with a fine scan of t."""
    first = np.array([0.125, 0.25, 0.375, 0.5])
    losses = np.array([2.9262, 2.8805, 2.8571, 2.8388])
    fitted = LAW.fit(evidence_at(two_sources(list(first)), losses))
    costs = []
    for t in np.linspace(-12, -0.01, 4000):
        design = np.column_stack([np.ones(4), np.exp(t * first)])
        costs.append(((design @ np.linalg.lstsq(design, losses, rcond=None)[0] - losses) ** 2).sum())
    mine = ((fitted.predict(Points.of_shares(("a", "b"), two_sources(list(first)))) - losses) ** 2).sum()
    assert mine <= min(costs) * (1 + 1e-9)


def test_record_predicts_the_same_numbers_after_json():
    evidence = drawn(lambda shares: 2 + np.exp(-3 * shares[:, 0] + shares[:, 1]), 3, 15, noise=0.01)
    fitted = LAW.fit(evidence)
    again = read_law(json.loads(json.dumps(fitted.record())))
    np.testing.assert_array_equal(again.predict(evidence.points), fitted.predict(evidence.points))
    assert again.record() == fitted.record()


def test_record_of_another_law_is_refused():
    with pytest.raises(MixError, match=r"not one of the law exponential.*fit it again"):
        LAW.read({"law": "exponential", "level": 1.0})


def test_warm_start_reaches_the_minimum_of_the_cold_one():
    evidence = drawn(lambda shares: 2 + np.exp(-4 * shares[:, 0] + shares[:, 1]), 3, 15, noise=0.01)
    near = evidence.with_losses(evidence.losses + np.random.default_rng(2).normal(0, 0.01, len(evidence)))
    warm, cold = LAW.fit(near, start=LAW.fit(evidence)), LAW.fit(near)
    np.testing.assert_allclose(warm.predict(near.points), cold.predict(near.points), atol=1e-6)


def test_rows_and_sources_may_come_in_any_order():
    evidence = drawn(lambda shares: 2 + np.exp(-4 * shares[:, 0] + shares[:, 1]), 3, 15, noise=0.01)
    shuffled = LAW.fit(evidence.take(np.random.default_rng(0).permutation(15)))
    fitted = LAW.fit(evidence)
    np.testing.assert_allclose(shuffled.predict(evidence.points), fitted.predict(evidence.points), atol=1e-7)
    swapped = Points.of_shares(("c", "a", "b"), evidence.points.shares[:, [2, 0, 1]])
    np.testing.assert_allclose(fitted.predict(swapped), fitted.predict(evidence.points), rtol=1e-12)


def test_points_with_an_unknown_source_have_no_prediction():
    fitted = LAW.fit(drawn(lambda shares: 2 + np.exp(-4 * shares[:, 0]), 2, 10))
    unknown = Points.of_shares(("a", "b", "new"), np.array([[0.5, 0.5, 0.0], [0.5, 0.4, 0.1]]))
    assert np.isnan(fitted.predict(unknown)).tolist() == [False, True]


def test_repeated_rows_do_not_count_as_ratios():
    shares = two_sources([0.1, 0.1, 0.1, 0.5, 0.5])
    assert LAW.problem(evidence_at(shares, np.arange(5.0))) == "3 parameters need at least 3 distinct ratios; there are 2"
    with pytest.raises(MixError, match="exponential: 3 parameters"):
        LAW.fit(evidence_at(shares, np.arange(5.0)))


def test_one_ratio_alone_is_refused():
    assert "every run has the same shares" in str(LAW.problem(evidence_at(two_sources([0.3] * 6), np.ones(6))))


def test_source_that_never_varies_is_named_and_does_not_disturb():
    evidence = drawn(lambda shares: 2 + np.exp(-4 * shares[:, 0]), 2, 12)
    wide = evidence_at(np.column_stack([evidence.points.shares, np.zeros(12)]), evidence.losses)
    fitted = LAW.fit(wide)
    assert fitted.unidentified == ("t of c: the same share in every run",)
    np.testing.assert_allclose(fitted.predict(wide.points), evidence.losses, atol=1e-7)


def test_sources_that_only_change_together_are_named():
    two = drawn(lambda shares: 2 + np.exp(-4 * shares[:, 0]), 2, 12)
    first, rest = two.points.shares.T
    evidence = evidence_at(np.column_stack([first, 0.5 * rest, 0.5 * rest]), two.losses)
    assert LAW.fit(evidence).unidentified == ("t of b, c: their shares only change together",)


def test_constant_losses_predict_the_constant_and_name_what_is_unknown():
    evidence = drawn(lambda shares: np.full(len(shares), 2.5), 3, 12)
    fitted = LAW.fit(evidence)
    np.testing.assert_allclose(fitted.predict(evidence.points), 2.5, atol=1e-9)
    assert fitted.unidentified == ("k, t: the losses do not change with the shares",)


def test_straight_losses_are_predicted_and_the_floor_is_named_unknown():
    evidence = drawn(lambda shares: 2.5 - 0.3 * shares[:, 0], 3, 12)
    fitted = LAW.fit(evidence)
    held_out = drawn(lambda shares: 2.5 - 0.3 * shares[:, 0], 3, 50, seed=5)
    np.testing.assert_allclose(fitted.predict(held_out.points), held_out.losses, atol=1e-5)
    assert any(doubt.startswith("c, k:") for doubt in fitted.unidentified)


def test_losses_that_bend_the_wrong_way_give_a_straight_line():
    """k ≥ 0 makes the law convex; its best fit to a concave curve is its straight limit."""
    shares = two_sources([0.0, 0.25, 0.5, 0.75, 1.0])
    evidence = evidence_at(shares, 3 - shares[:, 0] ** 2)
    line = np.polyval(np.polyfit(shares[:, 0], evidence.losses, 1), shares[:, 0])
    np.testing.assert_allclose(LAW.fit(evidence).predict(evidence.points), line, atol=1e-5)


def test_step_at_one_end_is_named_as_too_steep():
    shares = two_sources([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    fitted = LAW.fit(evidence_at(shares, np.array([3.0, 2.0, 2.001, 1.999, 2.0, 2.0])))
    assert any("as steep as can be" in doubt for doubt in fitted.unidentified)


def test_log_linear_is_moved_less_by_a_diverged_run():
    def truth(shares):
        return 2 + np.exp(-3 * shares[:, 0] + shares[:, 1])

    evidence, held_out = drawn(truth, 3, 20, noise=0.002), drawn(truth, 3, 100, seed=4)
    losses = evidence.losses.copy()
    losses[7] += 1.5
    robust, plain = (law.fit(evidence.with_losses(losses)).predict(held_out.points) for law in (LOG_LINEAR, LAW))
    assert np.abs(robust - held_out.losses).max() < 0.05 < np.abs(plain - held_out.losses).max()


def test_log_linear_minimises_hubers_loss():
    evidence = drawn(lambda shares: 2 + np.exp(-3 * shares[:, 0] + shares[:, 1]), 3, 25, noise=0.03)
    fitted = LOG_LINEAR.fit(evidence)

    def loss(law):
        size = np.abs(law.predict(evidence.points) - evidence.losses)
        return np.where(size <= 0.02, size**2, 0.02 * (2 * size - 0.02)).sum()

    best = loss(fitted)
    rng = np.random.default_rng(0)
    for _ in range(200):
        near = {name: fitted.record()[name] + rng.normal(0, 1e-3, 3 if name == "t" else None) for name in ("level", "scale", "t")}
        assert loss(LOG_LINEAR.read(fitted.record() | near)) > best


def test_log_linear_keeps_its_floor_at_zero_or_above():
    evidence = drawn(lambda shares: 2.5 - 0.3 * shares[:, 0] - 0.2 * shares[:, 0] ** 2, 3, 12)
    fitted = LOG_LINEAR.fit(evidence)
    assert fitted.floor == pytest.approx(0, abs=1e-12)
    assert "c: at its bound 0; lower values fit as well or better" in fitted.unidentified
    assert read_law(fitted.record()).name == "log_linear"


def test_warm_start_leaves_the_straight_limit():
    straight = drawn(lambda shares: 2.5 - 0.3 * shares[:, 0], 3, 20)
    bent = straight.with_losses(2 + np.exp(-2 * straight.points.shares[:, 0]))
    np.testing.assert_allclose(LAW.fit(bent, start=LAW.fit(straight)).predict(bent.points), bent.losses, atol=1e-6)
