"""The points of a frontier: recipes and checkpoints with their changes over the base model, and what is known about pairs of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from eval.frontier.evaluations import Joined
from eval.frontier.runs import Cost
from eval.statistics.bootstrap import resampled_sums
from eval.statistics.clusters import group
from eval.statistics.differences import BITS, ratio_difference
from eval.statistics.interval import MIN_EFFECTIVE_CLUSTERS, Interval, student_quantile, two_sided_p
from eval.statistics.recipes import Noise, recipe_difference, seed_noise

Json = dict[str, Any]

N_DRAWS = 2000
"""Resamples behind the share of draws in which a point is on the front; with 2,000 a share is exact to ±2%."""
_PAIR_RESAMPLES = 2000


@dataclass(frozen=True)
class Point:
    """A recipe (runs that differ in their seed) or a checkpoint. `members` are names of models or runs; `run` and `step` are those of training."""

    name: str
    of: Literal["recipe", "checkpoint"]
    members: tuple[str, ...]
    run: str | None = None
    step: int | None = None
    cost: Cost = field(default_factory=Cost)


class Change(NamedTuple):
    """Change in bits per byte over the base model, with its 95% interval and standard error where they are known."""

    delta: float
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    degrees: float | None = None
    """Degrees of freedom that the standard error is known with; None: many."""


class Changes(Protocol):
    """What is known about the changes of some points."""

    def change(self, point: Point, domain: str) -> Change:
        """Change of a point on a domain over the base model."""

    def p_value(self, a: Point, b: Point | None, domain: str) -> float:
        """P-value of no difference between two points on a domain, or between a point and the base model (None); 1 where nothing is known."""

    def draws(self, points: Sequence[Point], domain: str) -> np.ndarray | None:
        """`(N_DRAWS, n_points)` resampled changes; None where nothing is known."""


class ByDocument:
    """Changes of models that were scored on the same documents: all differences are paired by document, and of recipes include the noise between seeds."""

    def __init__(self, joined: Joined, points: Sequence[Point], domains: Sequence[str], *, n_resamples: int, seed: int = 0) -> None:
        self._baseline, self._n_resamples, self._seed = joined.baseline, n_resamples, seed
        self._values: dict[str, dict[str, np.ndarray]] = {}
        self._clusters: dict[str, np.ndarray | None] = {}
        self._recipes = [point for point in points if point.of == "recipe"]
        models = list(dict.fromkeys([joined.baseline, *(model for point in points for model in point.members)]))
        for domain in domains:
            paired = joined.paired(models, domain)
            assert paired is not None, "asked for only where all scores are known by document"
            self._values[domain], self._clusters[domain] = paired

    def change(self, point: Point, domain: str) -> Change:
        """Change over the base model; the interval of a recipe includes the noise between its seeds."""
        base, runs = self._values[domain][self._baseline], self._runs(point, domain)
        settings: Json = {"clusters": self._clusters[domain], "n_resamples": self._n_resamples, "seed": self._seed}
        if point.of == "recipe":
            return _change(recipe_difference([base], runs, fixed_base=True, noise=self._noise(domain, point), **settings))
        return _change(ratio_difference(base, runs[0], **settings))

    def p_value(self, a: Point, b: Point | None, domain: str) -> float:
        """P-value of no difference: between recipes, and single runs of known noise, over documents and seeds; else over documents alone. 1 for too few
        documents."""
        settings: Json = {"clusters": self._clusters[domain], "n_resamples": _PAIR_RESAMPLES, "seed": self._seed}
        one, other = [self._values[domain][self._baseline]] if b is None else self._runs(b, domain), self._runs(a, domain)
        is_one_run = b is not None and a.run is not None and a.run == b.run
        if self._recipes and not is_one_run:
            noise = self._noise(domain, a, *([] if b is None else [b]))
            interval = recipe_difference(one, other, fixed_base=b is None, noise=noise, **settings)
        else:
            interval = ratio_difference(one[0], other[0], **settings)
        return interval.p_value if interval.effective >= MIN_EFFECTIVE_CLUSTERS else 1.0

    def draws(self, points: Sequence[Point], domain: str) -> np.ndarray | None:
        """Changes over resampled documents, the same for all points, and resampled seeds."""
        base = self._values[domain][self._baseline]
        columns = [np.mean(self._runs(point, domain), axis=0)[:, 0] - base[:, 0] for point in points]
        totals = group(self._clusters[domain], len(base)).totals(np.column_stack([*columns, base[:, 1]]))
        sums = resampled_sums(totals, N_DRAWS, self._seed)
        changes: np.ndarray = sums[:, :-1] / sums[:, -1:] * BITS
        noise = self._noise(domain)
        if noise is not None:
            spread = noise.deviation / np.sqrt([len(point.members) for point in points])
            changes = changes + np.random.default_rng([self._seed, *domain.encode()]).standard_t(noise.degrees, changes.shape) * spread
        return changes

    def _noise(self, domain: str, *without: Point) -> Noise | None:
        """Noise between seeds, pooled over the recipes but those `without`, whose own seeds the caller counts."""
        return seed_noise([self._runs(recipe, domain) for recipe in self._recipes if recipe not in without])

    def _runs(self, point: Point, domain: str) -> list[np.ndarray]:
        return [self._values[domain][model] for model in point.members]


class ByInterval:
    """Changes that are known as figures alone, with or without a standard error: scores in training, tables of runs, summaries without their scores."""

    def __init__(self, changes: dict[tuple[str, str], Change], seed: int = 0) -> None:
        """`changes`: (name of the point, domain) → its change."""
        self._changes, self._seed = changes, seed

    def change(self, point: Point, domain: str) -> Change:
        """Change over the base model."""
        return self._changes[point.name, domain]

    def p_value(self, a: Point, b: Point | None, domain: str) -> float:
        """As if two points were independent, which is wider than a paired comparison; 1 without standard errors."""
        one = self.change(a, domain)
        if b is None:
            degrees = math.inf if one.degrees is None else one.degrees
            return 1.0 if one.standard_error is None else two_sided_p(one.delta, one.standard_error * student_quantile(degrees), degrees)
        other = self.change(b, domain)
        if one.standard_error is None or other.standard_error is None:
            return 1.0
        error = math.hypot(one.standard_error, other.standard_error)
        return math.erfc(abs(one.delta - other.delta) / error / math.sqrt(2)) if error else float(one.delta == other.delta)

    def draws(self, points: Sequence[Point], domain: str) -> np.ndarray | None:
        """Independent normal draws; None if the standard error of a point is unknown."""
        changes = [self.change(point, domain) for point in points]
        errors = [change.standard_error for change in changes]
        if any(error is None for error in errors):
            return None
        random = np.random.default_rng([self._seed, *domain.encode()])
        return np.array([change.delta for change in changes]) + random.standard_normal((N_DRAWS, len(points))) * np.array(errors)


def of_repeats(values: Sequence[float]) -> Change:
    """Mean of the changes of runs that differ in their seed, with Student's interval over the runs alone; without one for a single run."""
    from scipy.special import stdtrit

    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Change(mean)
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    half = error * float(stdtrit(n - 1, 0.975))
    return Change(mean, mean - half, mean + half, error, n - 1)


def _change(interval: Interval) -> Change:
    if not math.isfinite(interval.high):
        return Change(interval.estimate)
    degrees = interval.degrees if math.isfinite(interval.degrees) else None
    return Change(interval.estimate, interval.low, interval.high, interval.standard_error, degrees)
