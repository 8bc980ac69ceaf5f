"""The exponential mixing law for a loss over text of unknown composition: several implicit domains, each with its own exponential."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.exponential import starts_above_floors
from mix.laws.law import Evidence, FittedLaw, Points
from mix.laws.projection import Projection, Solution
from mix.laws.refusals import NO_RATIOS, n_ratios, not_finite, too_few
from mix.laws.share_axes import ShareAxes, aligned_shares

Array = NDArray[np.float64]

_STEEPEST = 60.0
_FEWEST, _MOST = 2, 4
"""Domains that are tried. With one the law is `exponential`."""
_SLOPES = (3.0, 10.0)
_N_SEARCHES = 3
_RIDGE = 3e-3
"""Standard deviations of the losses that a slope of 1 costs as a residual. Slopes that the runs leave open would otherwise grow until predictions outside
their hull explode."""
_MOST_ABOVE = 3.0
"""Ranges of the losses above the highest one from which predictions for single sources are worth a warning."""
_TOLERANCE, _MAX_EVALUATIONS = 1e-7, 60


@dataclass(frozen=True)
class FittedImplicitDomains:
    """`constant` + Σ_i `scales`[i]·exp(Σ_j t_ij·(r_j − centre_j)). `scales` is float64[K], `t` along the axes is float64[K, q]."""

    constant: float
    scales: Array
    theta: Array
    axes: ShareAxes
    unidentified: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    name: str = "implicit_domains"

    @property
    def n_free(self) -> int:
        """The constant, and a scale and a slope in each direction for each domain."""
        return 1 + self.scales.size + self.theta.size

    def predict(self, points: Points) -> Array:
        """float64[n]; NaN where a point uses a source that the law does not know."""
        return self.constant + self._exponentials(points)[0] @ self.scales

    def tangent(self, points: Points) -> Array:
        """float64[n, p]: by the constant, the scales and the slopes along the axes."""
        exponentials, coordinates = self._exponentials(points)
        slopes = [scale * column[:, None] * coordinates for scale, column in zip(self.scales, exponentials.T, strict=True)]
        return np.column_stack([np.ones(len(points)), exponentials, *slopes])

    def _exponentials(self, points: Points) -> tuple[Array, Array]:
        coordinates = self.axes.coordinates(aligned_shares(points, self.axes.sources))
        return np.exp(np.minimum(coordinates @ self.theta.T, _STEEPEST)), coordinates

    def record(self) -> dict[str, Any]:
        """Parameters as JSON; `t` has a row per domain and a column per source, for the reader."""
        return {
            "law": self.name,
            "sources": list(self.axes.sources),
            "constant": self.constant,
            "scales": self.scales.tolist(),
            "theta": self.theta.tolist(),
            "axes": self.axes.axes.tolist(),
            "centre": self.axes.centre.tolist(),
            "t": (self.theta @ self.axes.axes.T).tolist(),
            "unidentified": list(self.unidentified),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class ImplicitDomains:
    """L(r) = Σ_i s_i·(c_i + k_i·exp(Σ_j t_ij r_j)), with i over K implicit domains of unknown shares s_i (data mixing laws, arXiv 2403.16952).

    Only C = Σ s_i c_i and the products s_i k_i ≥ 0 can be told from losses, so these are fitted, by least squares. The paper averages 30 boosted fits of
    up to 30 domains each; here one fit has 2 to 4, as many as the corrected Akaike criterion finds worth their parameters.
    """

    name: str = "implicit_domains"
    reference: str = "data mixing laws, implicit domains (arXiv 2403.16952): L = C + Σ_i k_i·exp(Σ_j t_ij r_j)"
    along_runs: bool = False

    def problem(self, evidence: Evidence) -> str | None:
        """Too few distinct ratios for two domains."""
        if fault := not_finite(evidence):
            return fault
        n_axes = ShareAxes.of(evidence.points.sources, evidence.points.shares).n_axes
        return too_few(_n_parameters(_FEWEST, n_axes), n_ratios(evidence)) if n_axes else NO_RATIOS

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedImplicitDomains:
        """The best of several minima, adding one domain after another. `seed` changes nothing: no start is random."""
        points, losses = evidence.points, evidence.losses
        if isinstance(start, FittedImplicitDomains) and start.axes.sources == points.sources:
            axes = start.axes
            projection = _projection(axes.coordinates(points.shares), losses, len(start.scales))
            return _fitted(axes, projection.search(start.theta.ravel()), losses, ())
        problem = self.problem(evidence)
        if problem:
            raise MixError(f"{self.name}: {problem}")
        axes = ShareAxes.of(points.sources, points.shares)
        coordinates, n_distinct = axes.coordinates(points.shares), n_ratios(evidence)
        found = _projection(coordinates, losses, 1).best(starts_above_floors(coordinates, losses), n_searches=2)
        candidates: list[tuple[float, Solution]] = []
        for n_domains in range(_FEWEST, _MOST + 1):
            n_parameters = _n_parameters(n_domains, axes.n_axes)
            if n_parameters > n_distinct or (candidates and n_parameters + 2 > n_distinct):
                break
            found = _projection(coordinates, losses, n_domains).best(_with_one_more(found.theta, axes), n_searches=_N_SEARCHES)
            candidates.append((_criterion(found.cost, losses, n_parameters), found))
        return _fitted(axes, min(candidates, key=lambda candidate: candidate[0])[1], losses, axes.unidentified("t"))

    def read(self, record: dict[str, Any]) -> FittedImplicitDomains:
        """The law of a `record`. Raises MixError for one of another form."""
        try:
            n_sources, scales = len(record["sources"]), np.array(record["scales"], np.float64)
            axes = ShareAxes(
                tuple(record["sources"]),
                np.array(record["centre"], np.float64).reshape(n_sources),
                np.array(record["axes"], np.float64).reshape(n_sources, -1),
            )
            theta = np.array(record["theta"], np.float64).reshape(len(scales), axes.n_axes)
            return FittedImplicitDomains(float(record["constant"]), scales, theta, axes, tuple(record["unidentified"]), tuple(record["warnings"]))
        except (KeyError, TypeError, ValueError) as fault:
            raise MixError(f"this record is not one of the law {self.name} ({fault!r}); fit it again with `mix fit`") from None


class _Exponentials:
    """exp(coordinates · θ_i) for each of K rows of θ, which is searched as float64[K·q]."""

    def __init__(self, coordinates: Array, n_domains: int):
        self.coordinates = coordinates
        self.n_domains = n_domains

    def columns(self, theta: Array) -> Array:
        return np.exp(np.minimum(self.coordinates @ theta.reshape(self.n_domains, -1).T, _STEEPEST))

    def slope(self, theta: Array, columns: Array, linear: Array) -> Array:
        return ((columns * linear)[:, :, None] * self.coordinates[:, None, :]).reshape(len(columns), -1)


def _projection(coordinates: Array, losses: Array, n_domains: int) -> Projection:
    return Projection(
        _Exponentials(coordinates, n_domains),
        losses,
        positive=np.ones(n_domains, bool),
        ridge=_RIDGE * float(losses.std()),
        tolerance=_TOLERANCE,
        max_evaluations=_MAX_EVALUATIONS,
    )


def _n_parameters(n_domains: int, n_axes: int) -> int:
    return 1 + n_domains * (1 + n_axes)


def _with_one_more(theta: Array, axes: ShareAxes) -> list[Array]:
    """Starts with one more domain: one that falls with one source alone, or one with the slopes of an earlier one, but flatter or steeper."""
    rows = theta.reshape(-1, axes.n_axes)
    new = [-slope * axis for slope in _SLOPES for axis in axes.axes] + [factor * row for row in rows for factor in (0.2, 3.0, -0.5)]
    starts = [np.concatenate([theta, row]) for row in new]
    if len(rows) == 1:
        single = [-_SLOPES[0] * axis for axis in axes.axes]
        starts += [np.concatenate([first, second]) for i, first in enumerate(single) for second in single[:i]]
    return starts


def _criterion(cost: float, losses: Array, n_parameters: int) -> float:
    """Akaike's criterion with the correction for few rows; the variance of the noise is a parameter too."""
    n, p = len(losses), n_parameters + 1
    floor = 1e-14 * float(losses @ losses)
    return n * float(np.log(max(cost, floor) / n)) + 2 * p + (2 * p * (p + 1) / (n - p - 1) if n > p + 1 else np.inf)


def _fitted(axes: ShareAxes, found: Solution, losses: Array, doubts: tuple[str, ...]) -> FittedImplicitDomains:
    """The domains of a minimum, steepest first; those of scale 0 go, but for one."""
    theta = found.theta.reshape(len(found.linear), axes.n_axes)
    kept = found.linear > 0
    if not kept.any():
        kept[0] = True
    if not kept.all():
        doubts += (f"t of {int((~kept).sum())} more domains: the losses do not need them",)
    order = np.flatnonzero(kept)[np.argsort(-np.sqrt((theta[kept] ** 2).sum(axis=1)), kind="stable")]
    law = FittedImplicitDomains(found.constant, found.linear[order], theta[order], axes, doubts)
    alone = float(law.predict(Points.of_shares(axes.sources, np.eye(len(axes.sources)))).max())
    if alone > losses.max() + _MOST_ABOVE * np.ptp(losses) + 1e-9:
        law = replace(law, warnings=(f"It predicts losses up to {alone:.3g} for single sources, where no run is: use it between the runs only.",))
    return law
