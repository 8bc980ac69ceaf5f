"""Tests of mix/laws/learning_rate_replay.py: unseen shares of replay at unseen schedules are predicted."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import read_law
from mix.laws.learning_rate_replay import LearningRateReplay, ReplayForm
from mix.laws.rate_terms import Pretraining
from tests.mix.laws.rate_curves import CONSTANT, COSINE, LINEAR, WSD, continued_curve, evidence_of, losses_of, points_of

LAW = LearningRateReplay()
OLD = {"L0": 3.067, "A": 0.480, "C2": 0.263, "B": 0.276, "alpha": 0.510, "E": 99.35, "beta": 0.2, "a1": 0.055, "a2": 3.238}
"""Of FineWeb (arXiv 2505.07796); beta is not printed there."""
NEW = {"L0": 3.024, "A": 0.412, "C2": 0.324, "B": -0.002, "alpha": 0.677, "E": 100.34, "beta": 0.2, "a1": 0.055, "a2": 5.696}
KINDS = pytest.mark.parametrize(("source", "parameters"), [("old", OLD), ("new", NEW)])
STATE = Pretraining(False, (0.8, 0.16))
SCHEDULES = [(WSD, 2e-4), (CONSTANT, 1e-4), (WSD, 2e-4), (COSINE, 2e-4), (WSD, 3e-4)]
REPLAY = [0.0, 0.25, 0.5, 0.5, 0.1]
TRAINED = [continued_curve(schedule, peak=peak) for schedule, peak in SCHEDULES]
HELD_OUT = points_of([continued_curve(WSD, n_steps=2400), continued_curve(LINEAR, peak=1.5e-4)], old=[0.3, 0.4])


def true_form(source):
    return ReplayForm(STATE, 0.4, source == "old", source)


def evidence(source, parameters, *, noise=0.0, replay=REPLAY):
    points = points_of(TRAINED, old=replay)
    losses = losses_of(true_form(source), points, parameters, noise=noise)
    return evidence_of(points, losses, TRAINED, source=points.sources.index(source))


@KINDS
def test_unseen_shares_and_schedules_are_predicted(source, parameters):
    truth = losses_of(true_form(source), HELD_OUT, parameters)
    assert np.abs(LAW.fit(evidence(source, parameters)).predict(HELD_OUT) / truth - 1).max() < 1e-5
    fitted = LAW.fit(evidence(source, parameters, noise=0.002))
    assert np.abs(fitted.predict(HELD_OUT) / truth - 1).mean() < 5e-4
    assert fitted.form.rises == (source == "old")
    read = read_law(json.loads(json.dumps(fitted.record())))
    np.testing.assert_array_equal(read.predict(HELD_OUT), fitted.predict(HELD_OUT))


@KINDS
def test_the_law_predicts_without_the_areas_of_pretraining(source, parameters):
    known = evidence(source, parameters, noise=0.002)
    areas = known.points.areas.copy()
    areas[:, :2] = np.nan
    fitted = LAW.fit(replace(known, points=replace(known.points, areas=areas)))
    truth = losses_of(true_form(source), HELD_OUT, parameters)
    assert np.abs(fitted.predict(HELD_OUT) / truth - 1).mean() < 5e-4
    assert any(text.startswith("S1pt:") for text in fitted.unidentified)


def test_sources_are_found_by_name():
    """Points may list their sources in another order; without the source of the domain there is no prediction."""
    fitted = LAW.fit(evidence("old", OLD))
    swapped = replace(HELD_OUT, sources=("old", "new"), shares=HELD_OUT.shares[:, ::-1])
    np.testing.assert_array_equal(fitted.predict(swapped), fitted.predict(HELD_OUT))
    assert np.isnan(fitted.predict(replace(HELD_OUT, sources=("new", "other")))).all()


def test_the_base_model_has_no_shares_and_needs_none():
    start = continued_curve(WSD)[:1] * [1, 1, 0, 0]
    base = replace(points_of([start]), shares=np.full((1, 2), np.nan))
    truth = float(losses_of(true_form("old"), base, OLD)[0])
    assert LAW.fit(replace(evidence("old", OLD), base=truth)).predict(base)[0] == pytest.approx(truth, rel=1e-6)


def test_evidence_that_the_law_cannot_use_is_named():
    whole = evidence("old", OLD)
    assert LAW.problem(whole) is None
    assert "no source is named for this domain" in LAW.problem(replace(whole, source=None))
    same = evidence("old", OLD, replay=[0.25] * 5)
    assert "use learning_rate, or add runs at another share" in LAW.problem(same)
    with pytest.raises(MixError, match="law learning_rate_replay"):
        LAW.fit(same)
    shares = whole.points.shares.copy()
    shares[:4] = np.nan
    assert "4 rows of continued pre-training have no shares" in LAW.problem(replace(whole, points=replace(whole.points, shares=shares)))
    sizes = points_of(TRAINED, old=REPLAY, sizes=[1e8, 1e8, 1e8, 1e8, 2e8])
    assert "2 model sizes" in LAW.problem(replace(whole, points=sizes))
