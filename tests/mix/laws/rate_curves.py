"""Curves of losses made from the laws of learning rates, for their tests."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mix.laws.areas import of_schedule
from mix.laws.law import Evidence, Points
from mix.laws.rate_schedule import RateSchedule
from mix.laws.rate_terms import RateForm

Array = NDArray[np.float64]

WSD = RateSchedule("wsd", warmup_steps=50, decay_shape="linear")
CONSTANT = RateSchedule("constant", warmup_steps=50)
COSINE = RateSchedule("cosine", warmup_steps=50, final_share=0.1)
LINEAR = RateSchedule("linear", warmup_steps=50)


def whole_curve(schedule: RateSchedule, *, peak: float = 2e-4, n_before: int = 4000, n_steps: int = 2000, every: int = 20) -> Array:
    """float64[n, 4]: areas along pre-training, and then along continued pre-training, both with this schedule."""
    rows = np.arange(every - 1, n_before, every)
    forward, annealing = of_schedule(schedule, peak, n_before)
    before = np.stack([forward[rows], annealing[rows], np.zeros(len(rows)), np.zeros(len(rows))], axis=1)
    return np.concatenate([before, continued_curve(schedule, peak=peak, n_steps=n_steps, every=every, before=(forward[-1], annealing[-1]))])


def continued_curve(schedule: RateSchedule, *, peak: float = 2e-4, n_steps: int = 2000, every: int = 20, before: tuple[float, float] = (0.8, 0.16)) -> Array:
    """float64[n, 4]: areas along continued pre-training of a model with the areas `before`."""
    rows = np.arange(every - 1, n_steps, every)
    forward, annealing = of_schedule(schedule, peak, n_steps)
    return np.stack([np.full(len(rows), before[0]), np.full(len(rows), before[1]), forward[rows], annealing[rows]], axis=1)


def points_of(curves: Sequence[Array], *, old: Sequence[float] | None = None, sizes: Sequence[float] | None = None) -> Points:
    """Points along these curves, one run each, over the sources `new` and `old`; `old` is the share of the latter, one a run."""
    lengths = [len(curve) for curve in curves]
    shares = np.repeat(np.zeros(len(curves)) if old is None else np.array(old, np.float64), lengths)
    parameters = np.repeat(np.full(len(curves), np.nan) if sizes is None else np.array(sizes, np.float64), lengths)
    unknown = np.full(sum(lengths), np.nan)
    return Points(("new", "old"), np.stack([1 - shares, shares], axis=1), unknown, parameters, unknown, np.concatenate(curves))


def evidence_of(points: Points, losses: Array, curves: Sequence[Array], *, source: int | None = None, base: float | None = None) -> Evidence:
    """Evidence of the runs of `points_of`."""
    return Evidence(points, losses, np.repeat(np.arange(len(curves)), [len(curve) for curve in curves]), source=source, base=base)


def losses_of(form: RateForm, points: Points, parameters: Mapping[str, float], *, noise: float = 0.0, seed: int = 0) -> Array:
    """float64[n]: the law with these parameters, plus Gaussian noise in nats."""
    terms = form.terms(points, parameters)
    clean: Array = np.sum([parameters[name] * terms[name].value for name in form.linear], axis=0)
    return clean + noise * np.random.default_rng(seed).standard_normal(len(points))
