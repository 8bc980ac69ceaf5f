"""Tests of mix/laws/learning_rate.py and of what its laws share: unseen schedules are predicted, and what the curves do not tell is named."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import LAWS, read_law
from mix.laws.law import Points
from mix.laws.learning_rate import LearningRate
from mix.laws.rate_terms import Pretraining, RateForm
from tests.mix.laws.rate_curves import CONSTANT, COSINE, LINEAR, WSD, continued_curve, evidence_of, losses_of, points_of, whole_curve

LAW = LearningRate()
FINEWEB = {"L0": 3.057, "A": 0.490, "C1": 0.299, "C2": 0.298, "B": 0.366, "alpha": 0.497, "E": 28.0, "beta": 0.189}
"""Of 106M parameters, pre-trained on FineWeb and continued on Knowledge-Pile (arXiv 2505.07796); the signs of B are ours."""
KNOWLEDGE_PILE = {"L0": 3.024, "A": 0.412, "C1": 0.278, "C2": 0.324, "B": -0.666, "alpha": 0.677, "E": 5662.0, "beta": 0.146}
TRAINED = [whole_curve(WSD), whole_curve(CONSTANT)]
HELD_OUT = points_of([whole_curve(COSINE), whole_curve(LINEAR)])
CONTINUED = [continued_curve(WSD), continued_curve(CONSTANT, peak=1e-4)]
OTHER = points_of([continued_curve(COSINE), continued_curve(LINEAR, peak=1.5e-4, n_steps=2500)])


def form(parameters, pretraining=None):
    return RateForm(pretraining or Pretraining(True), 0.4, parameters["B"] > 0)


def curves(parameters, trained=TRAINED, *, noise=0.0, base=None, pretraining=None):
    points = points_of(trained)
    return evidence_of(points, losses_of(form(parameters, pretraining), points, parameters, noise=noise), trained, base=base)


@pytest.mark.parametrize("parameters", [FINEWEB, KNOWLEDGE_PILE])
def test_unseen_schedules_are_predicted(parameters):
    truth = losses_of(form(parameters), HELD_OUT, parameters)
    np.testing.assert_allclose(LAW.fit(curves(parameters)).predict(HELD_OUT), truth, rtol=1e-7)
    noisy = LAW.fit(curves(parameters, noise=0.002))
    assert np.abs(noisy.predict(HELD_OUT) / truth - 1).mean() < 5e-4
    assert {name: noisy.parameters[name] for name in ("L0", "A", "alpha")} == pytest.approx({name: parameters[name] for name in ("L0", "A", "alpha")}, rel=0.02)


def test_outliers_move_the_fit_little():
    evidence = curves(FINEWEB, noise=0.002)
    losses = evidence.losses.copy()
    losses[::25] += 0.5
    truth = losses_of(form(FINEWEB), HELD_OUT, FINEWEB)
    assert np.abs(LAW.fit(evidence.with_losses(losses)).predict(HELD_OUT) / truth - 1).mean() < 2e-3


def test_curves_of_continued_training_alone_predict_but_do_not_identify():
    """L0, A, alpha and C1 cannot be told from such curves, whether the areas of pre-training are known or not."""
    state = Pretraining(False, (0.8, 0.16))
    evidence = curves(FINEWEB, CONTINUED, noise=0.002, pretraining=state)
    truth = losses_of(form(FINEWEB, state), OTHER, FINEWEB)
    unknown_areas = evidence.points.areas.copy()
    unknown_areas[:, :2] = np.nan
    for points in (evidence.points, replace(evidence.points, areas=unknown_areas)):
        fitted = LAW.fit(replace(evidence, points=points))
        assert np.abs(fitted.predict(OTHER) / truth - 1).mean() < 1e-3
        named = {text.split(":")[0] for text in fitted.unidentified}
        assert {"C1", "L0", "A", "alpha"} <= named
    assert "S1pt" in named


def test_full_curves_identify_the_main_parameters():
    named = {text.split(":")[0] for text in LAW.fit(curves(FINEWEB, noise=0.002)).unidentified}
    assert not named & {"L0", "A", "C1", "alpha"}


def test_a_run_without_annealing_does_not_identify_its_effect():
    trained = [continued_curve(CONSTANT)]
    fitted = LAW.fit(curves(FINEWEB, trained, noise=0.002, pretraining=Pretraining(False, (0.8, 0.16))))
    assert any(text.startswith("C2:") for text in fitted.unidentified)
    assert np.isfinite(fitted.predict(OTHER)).all()


def test_the_sign_of_the_shift_is_named_where_the_noise_hides_it():
    def named(noise):
        evidence = curves(FINEWEB, CONTINUED, noise=noise, pretraining=Pretraining(False, (0.8, 0.16)))
        return any(text.startswith("sign of B:") for text in LAW.fit(evidence).unidentified)

    assert named(0.3) and not named(0.002)


def test_the_base_model_counts_as_a_row():
    """Without it the loss before the first step is an extrapolation."""
    state = Pretraining(False, (0.8, 0.16))
    trained = [continued_curve(WSD, every=200)[3:], continued_curve(CONSTANT, every=200)[3:]]
    evidence = curves(FINEWEB, trained, noise=0.002, pretraining=state)
    start = points_of([np.array([[0.8, 0.16, 0.0, 0.0]])])
    truth = float(losses_of(form(FINEWEB, state), start, FINEWEB)[0])
    with_base = LAW.fit(replace(evidence, base=truth)).predict(start)[0]
    assert abs(with_base - truth) < 0.003 < abs(LAW.fit(evidence).predict(start)[0] - truth)


def test_a_point_that_lacks_an_area_or_continues_another_model_is_nan():
    fitted = LAW.fit(curves(FINEWEB, CONTINUED, pretraining=Pretraining(False, (0.8, 0.16))))
    areas = np.array([[0.8, 0.16, 0.1, 0.0], [np.nan, np.nan, 0.1, 0.0], [0.9, 0.16, 0.1, 0.0], [0.8, 0.16, np.nan, 0.0]])
    assert np.isfinite(fitted.predict(points_of([areas]))).tolist() == [True, True, False, False]
    along = LAW.fit(curves(FINEWEB))
    assert np.isfinite(along.predict(points_of([areas]))).tolist() == [True, False, True, False]
    assert np.isnan(along.predict(points_of([np.zeros((1, 4))]))).all()


def test_a_warm_start_ends_where_the_search_does():
    evidence = curves(FINEWEB, noise=0.002)
    fitted = LAW.fit(evidence)
    again = LAW.fit(evidence, start=fitted)
    np.testing.assert_allclose(again.predict(HELD_OUT), fitted.predict(HELD_OUT), rtol=1e-5)
    assert again.unidentified == fitted.unidentified


def test_the_same_evidence_gives_the_same_record():
    evidence = curves(FINEWEB, noise=0.002)
    assert json.dumps(LAW.fit(evidence).record()) == json.dumps(LAW.fit(evidence).record())


@pytest.mark.parametrize("trained", [TRAINED, CONTINUED])
def test_the_record_predicts_the_same(trained):
    fitted = LAW.fit(curves(FINEWEB, trained, noise=0.002, pretraining=Pretraining.of(points_of(trained))))
    read = read_law(json.loads(json.dumps(fitted.record())))
    np.testing.assert_array_equal(read.predict(points_of(trained)), fitted.predict(points_of(trained)))
    assert read.unidentified == fitted.unidentified and read.n_free == fitted.n_free and read.name == "learning_rate"


def test_records_of_others_are_refused():
    record = LAW.fit(curves(FINEWEB)).record()
    without = {name: value for name, value in record["parameters"].items() if name != "beta"}
    for wrong in ({}, record | {"parameters": without}, record | {"parameters": record["parameters"] | {"A": float("nan")}}, record | {"law": "other"}):
        with pytest.raises(MixError, match="not a fit of learning_rate"):
            LAW.read(wrong)


def test_evidence_that_the_law_cannot_use_is_named():
    evidence = curves(FINEWEB)
    points = evidence.points

    def with_areas(change):
        areas = points.areas.copy()
        change(areas)
        return replace(evidence, points=replace(points, areas=areas))

    def problem(changed):
        with pytest.raises(MixError, match="law learning_rate"):
            LAW.fit(changed)
        return LAW.problem(changed)

    assert LAW.problem(evidence) is None
    assert "3 of 600 rows lack learning-rate areas" in problem(with_areas(lambda areas: areas[:3, 2:].fill(np.nan)))
    assert "2 of 600 rows lack the learning-rate areas of pre-training" in problem(with_areas(lambda areas: areas[:2, 0].fill(np.nan)))
    assert "no row has a forward area above 0" in problem(with_areas(lambda areas: areas[:, 2].fill(0)))
    assert "losses above 0" in problem(evidence.with_losses(-evidence.losses))
    assert "needs 10 rows" in problem(evidence.take(np.arange(295, 304)))
    assert "2 different mixtures" in problem(replace(evidence, points=points_of(TRAINED, old=[0.0, 0.5])))
    assert "2 model sizes" in problem(replace(evidence, points=points_of(TRAINED, sizes=[1e8, 2e8])))


def test_points_without_areas_are_named():
    shares = Points.of_shares(("a", "b"), np.full((12, 2), 0.5))
    assert "mix runs" in LAWS["learning_rate"].problem(replace(curves(FINEWEB), points=shares, losses=np.ones(12), run=np.arange(12)))
