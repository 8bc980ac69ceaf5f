"""Tests of mix/laws/learning_rate_size.py: a held-out model size is predicted."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.catalog import read_law
from mix.laws.learning_rate_size import LearningRateSize, SizeForm
from mix.laws.rate_terms import Pretraining
from tests.mix.laws.rate_curves import CONSTANT, COSINE, WSD, continued_curve, evidence_of, losses_of, points_of, whole_curve

LAW = LearningRateSize()
FINEWEB = {"L0": 1.829, "A": 0.504, "C1": 0.090, "C2": 0.103, "B": 0.278, "F": 3.072}
FINEWEB |= {"alpha": 0.537, "E": 12.0, "beta": 0.359, "gamma1": 0.235, "gamma2": 0.199, "gamma3": 0.195}
"""arXiv 2505.07796; N in millions."""
FORM = SizeForm(Pretraining(True), 0.4, True)
SIZES = [1.06e8, 1.06e8, 5.94e8, 5.94e8, 1.2e9, 1.2e9]
TRAINED = [whole_curve(schedule, every=40) for schedule in (WSD, CONSTANT) * 3]


def evidence(noise=0.0, trained=TRAINED, sizes=SIZES):
    points = points_of(trained, sizes=sizes)
    return evidence_of(points, losses_of(FORM, points, FINEWEB, noise=noise), trained)


def test_a_larger_model_and_an_unseen_schedule_are_predicted():
    held_out = points_of([whole_curve(COSINE)], sizes=[1.72e9])
    truth = losses_of(FORM, held_out, FINEWEB)
    assert np.abs(LAW.fit(evidence()).predict(held_out) / truth - 1).max() < 1e-5
    fitted = LAW.fit(evidence(noise=0.002))
    assert np.abs(fitted.predict(held_out) / truth - 1).mean() < 2e-3
    read = read_law(json.loads(json.dumps(fitted.record())))
    np.testing.assert_array_equal(read.predict(held_out), fitted.predict(held_out))


def test_sizes_between_those_of_the_evidence_are_predicted_without_the_areas_of_pretraining():
    parameters = {name: value for name, value in FINEWEB.items() if name not in ("C1", "gamma1")}
    truth = SizeForm(Pretraining(False, (0.8, 0.16)), 0.4, True)
    trained = [continued_curve(schedule) for schedule in (WSD, CONSTANT) * 3]
    points, held_out = points_of(trained, sizes=SIZES), points_of([continued_curve(COSINE)], sizes=[9e8])
    areas = points.areas.copy()
    areas[:, :2] = np.nan
    fitted = LAW.fit(evidence_of(replace(points, areas=areas), losses_of(truth, points, parameters, noise=0.002), trained))
    assert np.abs(fitted.predict(held_out) / losses_of(truth, held_out, parameters) - 1).mean() < 1e-3


def test_evidence_that_the_law_cannot_use_is_named():
    two = evidence(trained=TRAINED[:4], sizes=SIZES[:4])
    assert "2 model sizes; the law needs 3" in LAW.problem(two)
    assert "n_parameters" in LAW.problem(replace(evidence(), points=points_of(TRAINED, sizes=[*SIZES[:5], float("nan")])))
    points = points_of(TRAINED, sizes=SIZES, old=[0.0, 0.1, 0.0, 0.0, 0.0, 0.0])
    mixed = evidence_of(points, losses_of(FORM, points, FINEWEB), TRAINED)
    assert "2 different mixtures" in LAW.problem(mixed)
    with pytest.raises(MixError, match="law learning_rate_size"):
        LAW.fit(mixed)
    assert LAW.problem(evidence()) is None
