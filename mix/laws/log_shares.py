"""The loss falls with the logarithm of a weighted sum of all shares."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Evidence, FittedLaw, Points
from mix.laws.projection import Projection, Solution
from mix.laws.refusals import NO_RATIOS, n_ratios, not_finite, too_few
from mix.laws.share_axes import ShareAxes, aligned_shares

Array = NDArray[np.float64]

_RANGE = 14.0
"""Logarithms of weights beyond this count as at it: a weight a million times smaller than another is 0."""
_RIDGE = 1e-3
"""Standard deviations of the losses that a logarithm of a weight of 1 costs as a residual; it fixes the common factor of all weights, which means nothing."""
_NOTHING = 1e-3
"""Weights below this share of the largest are not told from 0."""
_SCALES = (0.5, 1.0, 2.0, 3.0)
_ALONE = (2.0, 5.0)
_N_SEARCHES = 3
_TOLERANCE, _MAX_EVALUATIONS = 1e-7, 60


@dataclass(frozen=True)
class FittedLogShares:
    """`level` − `fall`·ln(Σ_j v_j r_j / Σ_j v_j centre_j), with v = exp(`theta`); `level` is the loss at the mean shares of the evidence."""

    sources: tuple[str, ...]
    level: float
    fall: float
    theta: Array
    centre: Array
    n_free: int
    unidentified: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    name: str = "log_shares"

    def predict(self, points: Points) -> Array:
        """float64[n]; NaN where a point uses a source that the law does not know."""
        basis = _Log(aligned_shares(points, self.sources), self.centre)
        return self.level + self.fall * basis.columns(self.theta)[:, 0]

    def tangent(self, points: Points) -> Array:
        """float64[n, 2 + k]: by `level`, `fall` and θ."""
        basis = _Log(aligned_shares(points, self.sources), self.centre)
        columns = basis.columns(self.theta)
        return np.column_stack([np.ones(len(points)), columns, basis.slope(self.theta, columns, np.array([self.fall]))])

    def record(self) -> dict[str, Any]:
        """Parameters as JSON; the weights v, the largest being 1, for the reader."""
        return {
            "law": self.name,
            "sources": list(self.sources),
            "level": self.level,
            "fall": self.fall,
            "theta": self.theta.tolist(),
            "centre": self.centre.tolist(),
            "v": np.exp(self.theta - self.theta.max()).tolist(),
            "n_free": self.n_free,
            "unidentified": list(self.unidentified),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class LogShares:
    """L(r) = c − a·ln(Σ_j v_j r_j) with a ≥ 0 and v_j > 0: `log_offset` for any number of sources, a form of this project.

    Σ_j v_j r_j is an effective share of useful text: a source with half the weight of another is worth half as much to this loss. It has as many
    parameters as `exponential`. On RegMix's 256 test runs its mean Spearman correlation is 98.2, that of `exponential` 97.6.
    """

    name: str = "log_shares"
    reference: str = "a form of this project: L = c − a·ln(Σ_j v_j r_j), the logarithm of an effective share"
    along_runs: bool = False

    def problem(self, evidence: Evidence) -> str | None:
        """Fewer than three sources, or too few distinct ratios."""
        if fault := not_finite(evidence):
            return fault
        n_axes = ShareAxes.of(evidence.points.sources, evidence.points.shares).n_axes
        if n_axes == 0:
            return NO_RATIOS
        if n_axes == 1:
            return "with two sources it is log_offset"
        return too_few(n_axes + 2, n_ratios(evidence))

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedLogShares:
        """Least squares from several starts. `seed` changes nothing: no start is random."""
        points, losses = evidence.points, evidence.losses
        is_warm = isinstance(start, FittedLogShares) and start.sources == points.sources
        problem = None if is_warm else self.problem(evidence)
        if problem:
            raise MixError(f"{self.name}: {problem}")
        axes = ShareAxes.of(points.sources, points.shares)
        projection = Projection(
            _Log(points.shares, axes.centre),
            losses,
            positive=np.ones(1, bool),
            ridge=_RIDGE * float(losses.std()),
            tolerance=_TOLERANCE,
            max_evaluations=_MAX_EVALUATIONS,
        )
        if isinstance(start, FittedLogShares) and is_warm:
            return _fitted(axes, projection.search(start.theta))
        return _fitted(axes, projection.best(_starts(points.shares, losses), n_searches=_N_SEARCHES))

    def read(self, record: dict[str, Any]) -> FittedLogShares:
        """The law of a `record`. Raises MixError for one of another form."""
        try:
            sources = tuple(record["sources"])
            theta, centre = (np.array(record[name], np.float64).reshape(len(sources)) for name in ("theta", "centre"))
            notes = tuple(record["unidentified"]), tuple(record["warnings"])
            return FittedLogShares(sources, float(record["level"]), float(record["fall"]), theta, centre, int(record["n_free"]), *notes)
        except (KeyError, TypeError, ValueError) as fault:
            raise MixError(f"this record is not one of the law {self.name} ({fault!r}); fit it again with `mix fit`") from None


class _Log:
    """−ln of the weighted sum of shares, 0 at the centre."""

    def __init__(self, shares: Array, centre: Array):
        self.shares = shares
        self.centre = centre

    def columns(self, theta: Array) -> Array:
        weights = np.exp(np.clip(theta, -_RANGE, _RANGE))
        return -np.log(self.shares @ weights / (self.centre @ weights))[:, None]

    def slope(self, theta: Array, columns: Array, linear: Array) -> Array:
        weights = np.exp(np.clip(theta, -_RANGE, _RANGE)) * (np.abs(theta) <= _RANGE)
        whole = np.exp(np.clip(theta, -_RANGE, _RANGE))
        return -linear[0] * (self.shares * weights / (self.shares @ whole)[:, None] - self.centre * weights / (self.centre @ whole))


def _starts(shares: Array, losses: Array) -> list[Array]:
    """Logarithms of weights along a straight line's slopes, and with one source above all others."""
    slopes = np.linalg.lstsq(shares, losses, rcond=1e-9)[0]
    along = -(slopes - slopes.mean()) / (float(slopes.std()) or 1.0)
    one = np.eye(shares.shape[1])
    return [scale * along for scale in _SCALES] + [size * row for size in _ALONE for row in one]


def _fitted(axes: ShareAxes, found: Solution) -> FittedLogShares:
    theta, fall = np.clip(found.theta, -_RANGE, _RANGE), float(found.linear[0])
    doubts = list(axes.unidentified("v"))
    weights = np.exp(theta - theta.max())
    small = [source for source, weight in zip(axes.sources, weights, strict=True) if weight < _NOTHING]
    if fall <= 0:
        doubts.append("a, v: the losses do not change with the shares")
    elif small:
        doubts.append(f"v of {', '.join(small)}: too small to tell from 0")
    return FittedLogShares(axes.sources, found.constant, fall, theta, axes.centre, axes.n_axes + 2, tuple(doubts))
