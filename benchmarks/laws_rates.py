"""The law of learning rates on a schedule that was not fitted: curves made from the published coefficients, with noise (arXiv 2505.07796).

The paper publishes coefficients and no curves. So curves of a constant and of a warmup-stable-decay schedule are made from the coefficients of 106M
parameters on FineWeb, noise is added, the law is fitted, and a cosine schedule is predicted.
"""

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.laws_figures import Figure
from mix.laws.areas import of_schedule
from mix.laws.law import Evidence, Points
from mix.laws.learning_rate import LearningRate
from mix.laws.rate_schedule import RateSchedule

Array = NDArray[np.float64]

FINEWEB = {"L0": 3.057, "A": 0.490, "alpha": 0.497, "C1": 0.299, "C2": 0.298, "B": 0.366, "E": 28.0, "beta": 0.189}
"""Coefficients of 106M parameters, pre-trained on FineWeb and continued on Knowledge-Pile; the sign of B is ours."""
MAIN = ("L0", "A", "alpha", "C1", "C2")
"""Parameters that should be recovered; B, E and beta trade off against each other."""
PEAK, PRETRAINING_STEPS, STEPS, EVERY = 2e-4, 20_000, 10_000, 20
"""Peak of both phases (the paper's), their steps, and the steps between two losses (ours)."""
SEEDS = {0.0: 1, 0.002: 10, 0.005: 3}
"""Draws of the noise by its standard deviation in nats."""
REQUIRED = 0.02
"""Largest mean error in % of the loss at a noise of 0.002 nats."""


def measure() -> list[Figure]:
    """Mean over draws of the error on the unseen schedule in % of the loss, at a noise of 0.002 nats, and its range."""
    trained = [_areas(RateSchedule(kind, warmup_steps=500)) for kind in ("wsd", "constant")]
    held_out = _areas(RateSchedule("cosine", warmup_steps=500, final_share=0.1))
    held_out = held_out[held_out[:, 2] > 0]
    errors = {noise: [_error(trained, held_out, noise, seed) for seed in range(n)] for noise, n in SEEDS.items()}
    for noise, rows in errors.items():
        held, main, start = (np.array(column) for column in zip(*rows, strict=True))
        print(
            f"noise {noise:g} nats, {len(rows)} draws: held-out schedule {held.mean():.4f}% (from {held.min():.4f} to {held.max():.4f}), "
            f"largest error of {', '.join(MAIN)} {main.mean():.2f}% (from {main.min():.2f} to {main.max():.2f}), {start.mean():.2f} s a fit"
        )
    held, main = ([row[i] for row in errors[0.002]] for i in (0, 1))
    mean, mean_main = float(np.mean(held)), float(np.mean(main))
    return [
        Figure("lr_heldout", mean, None, f"<= {REQUIRED} % of the loss", mean <= REQUIRED, "%"),
        Figure("lr_heldout_range", [min(held), max(held)], None, f"stated, over {len(held)} draws of the noise", min(held) <= mean <= max(held), "%"),
        Figure("lr_parameters", mean_main, None, "<= 2 % (mean of the largest errors)", mean_main <= 2, "%"),
    ]


def _areas(schedule: RateSchedule) -> Array:
    """float64[n, 4] along pre-training and continued pre-training, both with this schedule."""
    (before, before_annealing), (forward, annealing) = (of_schedule(schedule, PEAK, n_steps) for n_steps in (PRETRAINING_STEPS, STEPS))
    first, second = (slice(EVERY - 1, None, EVERY) for _ in range(2))
    nothing, ended = np.zeros(PRETRAINING_STEPS // EVERY), np.ones(STEPS // EVERY)
    return np.concatenate(
        [
            np.stack([before[first], before_annealing[first], nothing, nothing], axis=1),
            np.stack([before[-1] * ended, before_annealing[-1] * ended, forward[second], annealing[second]], axis=1),
        ]
    )


def _loss(areas: Array) -> Array:
    """The published law."""
    before, before_annealing, forward, annealing = areas.T
    shift = FINEWEB["B"] * (1 - (1 + FINEWEB["E"] * forward) ** -FINEWEB["beta"])
    annealed = FINEWEB["C1"] * before_annealing + FINEWEB["C2"] * annealing
    loss: Array = FINEWEB["L0"] + FINEWEB["A"] * (before + forward) ** -FINEWEB["alpha"] - annealed + shift
    return loss


def _error(trained: list[Array], held_out: Array, noise: float, seed: int) -> tuple[float, float, float]:
    """Mean error on the unseen schedule and largest error of the main parameters, both in %, and seconds of the fit."""
    areas = np.concatenate(trained)
    losses = _loss(areas) + noise * np.random.default_rng(seed).standard_normal(len(areas))
    run = np.repeat(np.arange(len(trained)), [len(curve) for curve in trained])
    start = time.perf_counter()
    fitted = LearningRate().fit(Evidence(_points(areas), losses, run))
    seconds = time.perf_counter() - start
    relative = fitted.predict(_points(held_out)) / _loss(held_out) - 1
    main = max(abs(fitted.parameters[name] / FINEWEB[name] - 1) for name in MAIN)
    return 100 * float(np.abs(relative).mean()), 100 * main, seconds


def _points(areas: Array) -> Points:
    unknown = np.full(len(areas), np.nan)
    return Points(("new",), np.ones((len(areas), 1)), unknown, unknown, unknown, areas)
