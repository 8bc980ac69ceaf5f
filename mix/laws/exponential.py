"""The exponential mixing law, explicit: one exponential of the shares for each loss.

Two laws have this formula and differ in how they are fitted. `exponential` is true least squares with any floor c. `log_linear`, the form of Olmix, keeps
c at or above zero, so nearly straight losses cannot send it to −∞, and counts residuals beyond 0.02 linearly (Huber), so a diverged run moves it less.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Evidence, FittedLaw, Points
from mix.laws.projection import Projection, Solution
from mix.laws.refusals import NO_RATIOS, n_ratios, not_finite, too_few
from mix.laws.share_axes import ShareAxes, aligned_shares

Array = NDArray[np.float64]

_FLOORS = (0.003, 0.03, 0.15, 0.6, 2.5)
_STEEPEST = 60.0
_NEARLY_STRAIGHT = 1e-6
_LEAST_BEND = 0.1


@dataclass(frozen=True)
class FittedExponential:
    """`level` + `scale`·(exp(Σ_j t_j·(r_j − centre_j)) − 1): the law written round the mean shares of the evidence, so that nearly linear fits stay exact.

    In the paper's terms c = level − scale and k = scale·exp(−Σ_j t_j·centre_j). Shares sum to one, so adding a constant to all t only changes k: t has
    mean zero over the sources that vary.
    """

    sources: tuple[str, ...]
    level: float
    scale: float
    t: Array
    centre: Array
    unidentified: tuple[str, ...]
    n_free: int
    name: str = "exponential"
    warnings: tuple[str, ...] = field(default=(), init=False)

    @property
    def floor(self) -> float:
        """c: what the loss tends to as the exponential vanishes."""
        return self.level - self.scale

    def predict(self, points: Points) -> Array:
        """float64[n]; NaN where a point uses a source that the law does not know."""
        exponent = (aligned_shares(points, self.sources) - self.centre) @ self.t
        return self.level + self.scale * np.expm1(np.minimum(exponent, _STEEPEST))

    def tangent(self, points: Points) -> Array:
        """float64[n, k + 2]: derivatives by the level, the scale and each t."""
        offsets = aligned_shares(points, self.sources) - self.centre
        rise = np.expm1(np.minimum(offsets @ self.t, _STEEPEST))
        return np.column_stack([np.ones(len(points)), rise, self.scale * (rise + 1)[:, None] * offsets])

    def record(self) -> dict[str, Any]:
        """Parameters as JSON; `c` and `k` are those of the paper, for the reader."""
        return {
            "law": self.name,
            "sources": list(self.sources),
            "level": self.level,
            "scale": self.scale,
            "t": self.t.tolist(),
            "centre": self.centre.tolist(),
            "c": self.floor,
            "k": self.scale * float(np.exp(-self.t @ self.centre)),
            "unidentified": list(self.unidentified),
            "n_free": self.n_free,
        }


@dataclass(frozen=True)
class Exponential:
    """L(r) = c + k·exp(Σ_j t_j r_j) with k ≥ 0."""

    name: str = "exponential"
    reference: str = "data mixing laws (arXiv 2403.16952): L = c + k·exp(Σ_j t_j r_j), least squares"
    floor_above_zero: bool = False
    """Whether c ≥ 0."""
    huber: float | None = None
    """Residual, in the unit of the loss, above which residuals count linearly; None: least squares."""
    along_runs: bool = False

    def problem(self, evidence: Evidence) -> str | None:
        """Too few distinct ratios for the parameters, or shares that never vary."""
        if fault := not_finite(evidence):
            return fault
        n_axes = ShareAxes.of(evidence.points.sources, evidence.points.shares).n_axes
        return too_few(n_axes + 2, n_ratios(evidence)) if n_axes else NO_RATIOS

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedExponential:
        """The best of several minima: starts take logarithms of the loss above assumed floors c. `seed` changes nothing: no start is random."""
        shares, losses = evidence.points.shares, evidence.losses
        axes = ShareAxes.of(evidence.points.sources, shares)
        basis = _Exponential(axes.coordinates(shares))
        projection = Projection(basis, losses, positive=np.ones(1, bool), constant_positive=self.floor_above_zero)
        if isinstance(start, FittedExponential) and start.sources == axes.sources:
            found = projection.search(_bent(axes.axes.T @ start.t, basis.coordinates))
        else:
            problem = self.problem(evidence)
            if problem:
                raise MixError(f"{self.name}: {problem}")
            found = projection.best(starts_above_floors(basis.coordinates, losses), n_searches=3)
        if self.huber is not None:
            found = projection.robust(found, self.huber)
        return self._fitted(axes, basis.coordinates, losses, found)

    def _fitted(self, axes: ShareAxes, coordinates: Array, losses: Array, found: Solution) -> FittedExponential:
        """The law at a minimum, or its straight limit where no exponential with k > 0 is better."""
        slope, straight_cost = _straight_line(coordinates, losses)
        theta, scale, level, cost = found.theta, float(found.linear[0]), found.constant + float(found.linear[0]), found.cost
        if scale <= 0 or (straight_cost <= cost and not self.floor_above_zero):
            size = float(np.abs(coordinates @ slope).max(initial=0.0)) or 1.0
            theta, scale, cost = slope * _NEARLY_STRAIGHT / size, size / _NEARLY_STRAIGHT, straight_cost
            level = float(np.mean(losses - scale * np.expm1(coordinates @ theta)))
        doubts = _doubts(coordinates @ theta, losses, cost, straight_cost, axes.n_axes + 2)
        if self.floor_above_zero and level == scale:
            doubts += ("c: at its bound 0; lower values fit as well or better",)
        return FittedExponential(axes.sources, level, scale, axes.axes @ theta, axes.centre, (*axes.unidentified("t"), *doubts), axes.n_axes + 2, self.name)

    def read(self, record: dict[str, Any]) -> FittedExponential:
        """The law of a `record`. Raises MixError for one of another form."""
        try:
            return FittedExponential(
                tuple(record["sources"]),
                float(record["level"]),
                float(record["scale"]),
                np.array(record["t"], np.float64),
                np.array(record["centre"], np.float64),
                tuple(record["unidentified"]),
                int(record["n_free"]),
                self.name,
            )
        except (KeyError, TypeError, ValueError) as fault:
            raise MixError(f"this record is not one of the law {self.name} ({fault!r}); fit it again with `mix fit`") from None


LOG_LINEAR = Exponential(
    "log_linear",
    "log-linear form of Olmix (allenai/olmix): L = c + exp(k + Σ_j t_j r_j) with c ≥ 0, Huber's loss beyond 0.02",
    floor_above_zero=True,
    huber=0.02,
)


class _Exponential:
    """exp(u) for u = coordinates · θ."""

    def __init__(self, coordinates: Array):
        self.coordinates = coordinates

    def columns(self, theta: Array) -> Array:
        return np.exp(np.minimum(self.coordinates @ theta, _STEEPEST))[:, None]

    def slope(self, theta: Array, columns: Array, linear: Array) -> Array:
        return self.coordinates * (linear[0] * columns)


def starts_above_floors(coordinates: Array, losses: Array) -> list[Array]:
    """Regressions of log(loss − c) on the coordinates, for floors c below the lowest loss; each scaled down and up as well."""
    lowest, spread = float(losses.min()), float(np.ptp(losses)) or 1.0
    design = np.column_stack([np.ones(len(losses)), coordinates])
    heights = np.column_stack([losses - lowest + fraction * spread for fraction in _FLOORS])
    weights = heights / heights.max(axis=0)
    starts = []
    for height, weight in zip(heights.T, weights.T, strict=True):
        for use in (np.ones_like(weight), weight):
            solution = np.linalg.lstsq(design * use[:, None], np.log(height) * use, rcond=None)[0][1:]
            starts += [solution, 3 * solution]
    return starts


def _bent(theta: Array, coordinates: Array) -> Array:
    """A start in the direction of `theta`, away from the straight limit, where a search is slow to turn."""
    size = float(np.ptp(coordinates @ theta))
    return theta * (_LEAST_BEND / size) if 0 < size < _LEAST_BEND else theta


def _straight_line(coordinates: Array, losses: Array) -> tuple[Array, float]:
    """Slope float64[q] and cost of the straight line, which the law becomes as t → 0. The coordinates have mean zero."""
    slope = np.linalg.lstsq(coordinates, losses - losses.mean(), rcond=None)[0]
    residuals = losses - losses.mean() - coordinates @ slope
    return slope, float(residuals @ residuals)


def _doubts(exponent: Array, losses: Array, cost: float, straight_cost: float, n_free: int) -> tuple[str, ...]:
    """Which of c, k and t these losses do not determine."""
    variance = cost / max(len(losses) - n_free, 1)
    total = float(((losses - losses.mean()) ** 2).sum())
    tiny = 1e-12 * float((losses**2).sum())
    if total <= tiny or total - straight_cost < variance:
        return ("k, t: the losses do not change with the shares",)
    if straight_cost - cost <= max(4 * variance, tiny):
        return ("c, k: the losses are as well described by a straight line, so the floor c is unknown",)
    if np.ptp(exponent) > 30:
        return ("t: as steep as can be; only a lower bound of its size is known",)
    return ()
