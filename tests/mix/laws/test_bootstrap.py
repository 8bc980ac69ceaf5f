from dataclasses import replace

import numpy as np
import pytest

from mix.errors import MixError
from mix.laws.bootstrap import resample
from mix.laws.exponential import Exponential, FittedExponential
from mix.laws.law import Evidence, FittedLaw, Points


def evidence_of(noise: float, seed: int = 0, runs: int = 20, steps: int = 1) -> Evidence:
    random = np.random.default_rng(seed)
    shares = np.repeat(np.linspace(0.0, 1.0, runs), steps)
    points = Points.of_shares(("old", "new"), np.stack([shares, 1 - shares], axis=1))
    run = np.repeat(np.arange(runs), steps)
    losses = 1.4 + 0.3 * np.exp(-3.0 * shares) + noise * random.standard_normal(runs)[run]
    return Evidence(points, losses, run, source=0)


def spread(fits: list[FittedLaw], points: Points) -> float:
    return float(np.std([fit.predict(points) for fit in fits], axis=0).mean())


def test_refits_spread_as_fits_to_new_runs_do() -> None:
    law, at = Exponential(), evidence_of(0).points
    truth = spread([law.fit(evidence_of(0.004, seed)) for seed in range(60)], at)
    tables = [evidence_of(0.004, seed) for seed in range(100, 108)]
    estimated = np.mean([spread(resample(law, law.fit(evidence), evidence, 30, 0), at) for evidence in tables])
    assert 0.8 * truth < estimated < 1.25 * truth


def test_rows_of_one_run_count_as_one_observation() -> None:
    # Ten steps with one error each run tell no more than one step; by rows the spread would be 1/sqrt(10) of it.
    law, at = Exponential(), evidence_of(0).points
    one, ten = evidence_of(0.004, 3), evidence_of(0.004, 3, steps=10)
    single = spread(resample(law, law.fit(one), one, 60, 0), at)
    assert 0.7 * single < spread(resample(law, law.fit(ten), ten, 60, 0), at) < 1.4 * single


def test_noise_that_repeats_tell_is_added_where_residuals_are_smaller() -> None:
    law, evidence = Exponential(), evidence_of(0.0)
    fitted = law.fit(evidence)
    assert spread(resample(law, fitted, evidence, 10, 0), evidence.points) < 1e-5
    assert spread(resample(law, fitted, replace(evidence, noise=0.005), 30, 0), evidence.points) > 5e-4


def test_the_same_seed_gives_the_same_refits_and_another_others() -> None:
    law, evidence = Exponential(), evidence_of(0.004)
    fitted = law.fit(evidence)
    first, again, other = (resample(law, fitted, evidence, 3, seed)[2].record() for seed in (5, 5, 6))
    assert first == again != other


def test_a_law_whose_refits_fail_is_refused() -> None:
    class Failing(Exponential):
        def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedExponential:
            raise MixError("no start converges")

    evidence = evidence_of(0.004)
    with pytest.raises(MixError, match="exponential: 4 of 4 refits to resampled losses failed"):
        resample(Failing(), Exponential().fit(evidence), evidence, 4, 0)
