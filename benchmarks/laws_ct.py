"""The critical share of open curves of continual pre-training: Pythia-70M at step 20,000, continued on the Pile and Python (arXiv 2403.16952)."""

from pathlib import Path

import numpy as np

from benchmarks.laws_figures import Figure
from mix.errors import MixError
from mix.laws.critical import smallest_share
from mix.laws.exponential import Exponential
from mix.laws.law import Evidence, FittedLaw
from mix.runs.evidence import evidence_of
from mix.runs.read import read_runs

GENERAL, DOMAIN = "pile", "python"
HELD_OUT = 0.28516
"""Share of the Pile in the run that is not fitted."""
PUBLISHED = 0.28622540757637893
"""Critical share from the parameters that the authors' notebook prints."""


def measure(path: Path) -> list[Figure]:
    """Critical share by least squares on the last steps of the fitted ratios, its leave-one-out interval, and the errors at the held-out ratio."""
    runs, notes = read_runs(path)
    for note in notes:
        print(note)
    general, domain = (evidence_of(runs, name) for name in (GENERAL, DOMAIN))
    if general.base is None:
        raise SystemExit(f"{path}: no row `base` with loss.{GENERAL}, so no critical share")
    column = general.points.sources.index(GENERAL)
    law = Exponential()
    errors = {}
    for name, evidence in ((GENERAL, general), (DOMAIN, domain)):
        held_out = np.abs(evidence.points.shares[:, column] - HELD_OUT) < 0.005
        fitted = law.fit(evidence.take(~held_out))
        errors[name] = float(np.abs(fitted.predict(evidence.points.take(held_out)) - evidence.losses[held_out]).max())
        print(f"{name}: fitted to {int((~held_out).sum())} ratios, error {errors[name]:.5f} nats at the held-out {HELD_OUT}")
    fit = general.take(np.abs(general.points.shares[:, column] - HELD_OUT) >= 0.005)
    share = critical(law.fit(fit), fit, column, general.base)
    left_out = [critical(law.fit(fit.take(np.arange(len(fit)) != row)), fit, column, general.base) for row in range(len(fit))]
    interval = [float(min(left_out)), float(max(left_out))]
    print(f"critical share of {GENERAL}: {share:.4f}; leaving one ratio out moves it over {interval[0]:.4f} to {interval[1]:.4f}")
    worst = max(errors.values())
    return [
        Figure("critical_share", share, PUBLISHED, "in [.275, .290]", 0.275 <= share <= 0.290),
        Figure("critical_share_interval", interval, None, "stated, leave-one-out", interval[0] <= share <= interval[1]),
        Figure("ct_heldout", worst, None, "<= .002 nats", worst <= 0.002),
    ]


def critical(fitted: FittedLaw, evidence: Evidence, column: int, base: float) -> float:
    """The share at which the predicted loss equals the base model's; NaN if it crosses nowhere in [0, 1]."""
    try:
        found = smallest_share(fitted, evidence.points.take(np.zeros(1, np.int64)), evidence.points.sources[column], base)
    except MixError:
        return float("nan")
    return found.share if found.limited else float("nan")
