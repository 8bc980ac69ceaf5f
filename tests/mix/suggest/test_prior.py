from dataclasses import replace

import numpy as np
import pytest

from mix.suggest.beliefs import believe
from mix.suggest.prior import held_out_errors, strength_of
from mix.suggest.question import read_question
from mix.suggest.recipe import SuggestRecipe


@pytest.fixture(scope="module")
def question(fitted):
    return read_question(SuggestRecipe.model_validate({"fit": str(fitted), "target": {"law": 1}, "out": "x", "prior": {"general": 0.5, "law": 0.5}}))


@pytest.fixture(scope="module")
def beliefs(question):
    return believe(question.request, question.known.evidence)


def test_held_out_errors_are_those_of_predictions_from_the_other_ratios(beliefs):
    belief = beliefs.domains["law"]
    one = replace(belief, components=(replace(belief.components[0], weight=1.0),))
    component, evidence = one.components[0], one.evidence
    together = np.linalg.inv(component.process.inverse)
    expected = []
    for ratio in beliefs.ratios:
        out = np.abs(evidence.points.shares - ratio).max(axis=1) < 1e-8
        residuals = (evidence.losses - component.form.predicted)[~out]
        predicted = component.form.predicted[out] + together[np.ix_(out, ~out)] @ np.linalg.solve(together[np.ix_(~out, ~out)], residuals)
        expected.append((evidence.losses[out] - predicted).mean())
    np.testing.assert_allclose(held_out_errors(one, beliefs.ratios), expected, atol=1e-6)


def test_a_prior_counts_as_much_as_held_out_losses_far_from_it_are_worse(question, beliefs, monkeypatch):
    request = replace(question.request, prior=np.array([0.5, 0.5]), prior_strength=None)
    distance = np.array([np.sum(share[share > 0] * np.log(share[share > 0] / 0.5)) for share in beliefs.ratios])
    for slope, expected in ((0.03, 0.03), (-0.03, 0.0)):
        monkeypatch.setattr("mix.suggest.prior.held_out_errors", lambda belief, ratios, slope=slope: slope * distance + 0.01)
        assert strength_of(request, beliefs) == pytest.approx(expected)


def test_a_given_strength_is_used_and_no_prior_has_none(question, beliefs):
    assert strength_of(replace(question.request, prior_strength=0.2), beliefs) == 0.2
    assert strength_of(replace(question.request, prior=None, prior_strength=None), beliefs) == 0.0
    assert strength_of(replace(question.request, prior=np.array([1.0, 0.0]), prior_strength=None), beliefs) == 0.0  # only the ratio without law is near it
