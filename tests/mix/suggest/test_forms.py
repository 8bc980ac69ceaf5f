from types import SimpleNamespace

import numpy as np
import pytest

from mix.suggest import forms
from mix.suggest.forms import fit_forms
from tests.mix.suggest.evidence import SHARES, replay_evidence


class Dipping:
    """Passes through every run, and between two of them falls by `depth`."""

    name = "exponential"

    def __init__(self, depth: float, losses: dict[float, float]) -> None:
        self.depth, self.losses = depth, losses

    def predict(self, points):
        shares = points.shares[:, 0]
        return np.interp(shares, list(self.losses), list(self.losses.values())) - self.depth * np.exp(-(((shares - 0.45) / 0.01) ** 2))

    def tangent(self, points):
        return points.shares


@pytest.mark.parametrize("depth, used", [(0.01, True), (5.0, False)])
def test_a_form_that_leaves_the_losses_far_behind_between_the_runs_has_no_vote(monkeypatch, depth, used):
    evidence = replay_evidence()["general"]
    law = Dipping(depth, dict(zip(SHARES, evidence.losses.tolist(), strict=True)))
    monkeypatch.setattr(forms, "LAWS", {"exponential": SimpleNamespace(problem=lambda _: None, fit=lambda _, seed: law)})
    assert [form.name for form in fit_forms(evidence, evidence.points, 0)] == ["linear", *(["exponential"] if used else [])]
