import numpy as np
import pytest

from mix.suggest.beliefs import believe, pseudo_averaging
from mix.suggest.suggest import describe, suggest
from tests.mix.suggest.evidence import replay_evidence, replay_losses, replay_request


def test_forms_that_predict_alike_share_the_weight() -> None:
    scores = np.array([[-1.0] * 10, [-1.0] * 10, [-9.0] * 10])
    assert pseudo_averaging(scores, 0) == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)


def test_a_run_at_the_suggestion_moves_the_estimate_toward_what_was_observed() -> None:
    evidence, request = replay_evidence(), replay_request()
    found = suggest(request, evidence)
    confirmed = replay_evidence(shares=(*(share for share in evidence["python"].points.shares[:, 0].tolist()), *[float(found.shares[0])] * 3))
    before = {name: part.losses for name, part in evidence.items()}
    truth = replay_losses(found.shares[:1])
    for name, part in confirmed.items():
        part.losses[: len(before[name])] = before[name]
        part.losses[len(before[name]) :] = truth[name][0] + 0.01
    after = describe(request, believe(request, confirmed), found.shares, 0.0)
    for name in ("general", "python"):
        assert found.domains[name].value < after.domains[name].value < truth[name][0] + 0.011
        assert after.domains[name].mean_high - after.domains[name].mean_low < 0.03
