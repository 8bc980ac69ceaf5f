"""Tests of mix/suggest/rates.py: the best of the candidates under the budget, its interval, and refusals outside the evidence."""

from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.areas import of_schedule
from mix.laws.law import Evidence, Points
from mix.laws.learning_rate_replay import ReplayForm
from mix.laws.rate_schedule import RateSchedule
from mix.laws.rate_terms import Pretraining
from mix.suggest.rates import RatesRequest, peaks_of, suggest_rates
from mix.suggest.suggestion import BudgetNotMet

STATE = (0.8, 0.16)
BATCH = 1000.0
WSD = RateSchedule("wsd", warmup_steps=20, decay_shape="linear")
TRUTH = {
    "old": {"L0": 3.067, "A": 0.480, "C2": 0.263, "B": 0.276, "alpha": 0.510, "E": 99.35, "beta": 0.2, "a1": 0.055, "a2": 3.238},
    "new": {"L0": 3.024, "A": 0.412, "C2": 0.324, "B": -0.004, "alpha": 0.677, "E": 100.34, "beta": 0.2, "a1": 0.055, "a2": 5.0},
}
RUNS = [(peak, replay) for peak in (1e-4, 2e-4, 4e-4) for replay in (0.0, 0.1, 0.3, 0.5)]


def points_at(peak, tokens, replay, every=None):
    """Points along one run, or its last."""
    n_steps = round(tokens / BATCH)
    rows = np.arange(every - 1, n_steps, every) if every else np.array([n_steps - 1])
    areas = np.stack([np.full(len(rows), STATE[0]), np.full(len(rows), STATE[1]), *(part[rows] for part in of_schedule(WSD, peak, n_steps))], axis=1)
    shares = np.tile([replay, 1 - replay], (len(rows), 1))
    unknown = np.full(len(rows), np.nan)
    return Points(("old", "new"), shares, BATCH * (rows + 1.0), unknown, unknown, areas)


def truth(domain, points):
    form = ReplayForm(Pretraining(False, STATE), 0.4, domain == "old", domain)
    terms = form.terms(points, TRUTH[domain])
    return np.sum([TRUTH[domain][name] * terms[name].value for name in form.linear], axis=0)


def evidence(noise=0.003, seed=0):
    random = np.random.default_rng(seed)
    curves = [points_at(peak, 1_000_000, replay, every=100) for peak, replay in RUNS]
    parts = {name: np.concatenate([getattr(curve, name) for curve in curves]) for name in ("shares", "tokens", "parameters", "pretraining_tokens", "areas")}
    points, run = Points(("old", "new"), **parts), np.repeat(np.arange(len(RUNS)), [len(curve) for curve in curves])
    start = replace(points.take(np.array([0])), areas=np.array([[*STATE, 0.0, 0.0]]))
    result = {}
    for source, name in enumerate(("old", "new")):
        of_run = noise * random.standard_normal(len(RUNS))
        losses = truth(name, points) + of_run[run]
        result[name] = Evidence(points, losses, run, source, base=float(truth(name, start)[0]), noise=noise, noise_freedom=0)
    return result


def request(**changes):
    shares = np.array([[replay, 1 - replay] for replay in np.linspace(0, 0.5, 6)])
    given = {"peaks": (1e-4, 2e-4, 4e-4), "tokens": (500_000.0, 1_000_000.0), "shares": shares, "target": {"new": 1.0}, "budget": {"old": 0.015}}
    return RatesRequest(**{"sources": ("old", "new"), "tokens_per_step": BATCH, "schedule": WSD, "n_refits": 20} | given | changes)


def test_the_choice_is_close_to_the_best_that_keeps_the_budget():
    asked, known = request(), evidence()
    suggestion = suggest_rates(asked, known)
    best = suggestion.best
    combined = [(peak, tokens, share[0]) for peak in asked.peaks for tokens in asked.tokens for share in asked.shares]
    true = {name: np.array([truth(name, points_at(*one))[0] for one in combined]) for name in ("old", "new")}
    allowed = true["old"] <= known["old"].base * 1.015
    assert 0 < allowed.sum() < len(combined)
    at = {name: truth(name, points_at(best.peak, best.tokens, best.shares[0]))[0] for name in ("old", "new")}
    assert at["old"] <= known["old"].base * 1.015 and best.kept["old"] >= 0.95
    assert at["new"] - true["new"][allowed].min() < 0.01
    assert len(suggestion.candidates) == len(combined) and suggestion.candidates[0] is best
    assert suggestion.laws["new"].name == "learning_rate_replay"


def test_intervals_cover_the_truth_of_most_candidates():
    suggestion = suggest_rates(request(budget={}), evidence(seed=3))
    covered = []
    for one in suggestion.candidates:
        for name, predicted in one.domains.items():
            true = truth(name, points_at(one.peak, one.tokens, one.shares[0]))[0]
            covered.append(predicted.low <= true <= predicted.high)
            assert predicted.low < predicted.mean_low < predicted.mean_high < predicted.high
    assert np.mean(covered) > 0.9


def test_without_a_budget_the_best_is_the_lowest_corrected_target():
    suggestion = suggest_rates(request(budget={}), evidence())
    values = [one.target.uncorrected for one in suggestion.candidates]
    assert values == sorted(values) and suggestion.best.kept == {}
    assert suggestion.best.target.value == pytest.approx(suggestion.best.target.uncorrected + suggestion.flattery)
    assert suggestion.flattery >= 0 and suggestion.candidates[1].target.value == suggestion.candidates[1].target.uncorrected


def test_the_same_request_gives_the_same_numbers():
    first, second = (suggest_rates(request(n_refits=3), evidence()) for _ in range(2))
    assert first.best.target == second.best.target and first.best.domains == second.best.domains


def test_a_budget_that_nothing_keeps_is_refused_with_the_smallest_increase():
    with pytest.raises(BudgetNotMet, match=r"old: [\d.]+% at peak [\d.e-]+, [\d.e+]+ tokens, old 0.5, new 0.5, where -5.0% is allowed") as refusal:
        suggest_rates(request(budget={"old": -0.05}), evidence())
    increase, shares = refusal.value.smallest["old"]
    assert -0.05 < increase < 0.02 and shares.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peaks": (8e-4,), "tokens": (400_000.0,)}, r"peak 0.0008 is 0.0008, and the runs have at most 0.0004"),
        ({"peaks": (4e-4,), "tokens": (2_000_000.0,)}, r"the forward area of 2e\+06 tokens at peak 0.0004 is 0.7"),
        ({"peaks": (5e-5,)}, r"peak 5e-05 is 5e-05, and the runs have at least 0.0001"),
        ({"shares": np.array([[0.8, 0.2]])}, r"the shares old 0.8, new 0.2 are 0.3 away from those of the runs"),
    ],
)
def test_candidates_outside_the_evidence_are_refused_unless_allowed(changes, message):
    with pytest.raises(MixError, match=message):
        suggest_rates(request(budget={}, **changes), evidence())
    allowed = suggest_rates(request(budget={}, extrapolate=True, **changes), evidence())
    assert allowed.best.outside


def test_candidates_outside_are_left_out_where_others_are_inside():
    suggestion = suggest_rates(request(budget={}, peaks=(2e-4, 8e-4)), evidence())
    assert {one.peak for one in suggestion.candidates} == {2e-4} and not suggestion.best.outside


def test_peaks_of_the_evidence_come_from_its_areas_and_tokens():
    np.testing.assert_allclose(peaks_of(evidence()["old"], BATCH), [peak for peak, _ in RUNS], rtol=1e-9)
    unknown = evidence()["old"]
    with pytest.raises(MixError, match="add the column tokens"):
        peaks_of(replace(unknown, points=replace(unknown.points, tokens=np.full(len(unknown), np.nan))), BATCH)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": {"other": 1.0}}, "no losses of other"),
        ({"target": {"new": 0.0}}, "one of them above 0"),
        ({"peaks": ()}, "at least one peak"),
        ({"tokens": (10.0,)}, "at least the 1000 tokens of one step"),
        ({"sources": ("a", "b")}, "the request is about a, b"),
        ({"shares": np.array([[0.5, 0.6]])}, "one sums to 1.1"),
    ],
)
def test_requests_that_cannot_be_met_are_named(changes, message):
    with pytest.raises(MixError, match=message):
        suggest_rates(request(**changes), evidence())


def test_evidence_that_cannot_tell_is_named():
    known = evidence()
    with pytest.raises(MixError, match="budget of old: the base model's loss is unknown"):
        suggest_rates(request(), known | {"old": replace(known["old"], base=None)})
    without = replace(known["new"], points=replace(known["new"].points, areas=np.full((len(known["new"]), 4), np.nan)))
    with pytest.raises(MixError, match=r"cannot be compared for new. learning_rate_replay: .* rows lack learning-rate areas"):
        suggest_rates(request(), known | {"new": without})


def test_runs_of_one_mixture_are_compared_by_the_law_without_shares():
    known = {name: one.take(np.isin(one.run, np.flatnonzero([replay == 0.3 for _, replay in RUNS]))) for name, one in evidence().items()}
    suggestion = suggest_rates(request(budget={}, shares=np.array([[0.3, 0.7], [0.1, 0.9]])), known)
    assert suggestion.laws["new"].name == "learning_rate"
    assert {tuple(one.shares) for one in suggestion.candidates} == {(0.3, 0.7)}
