"""Laws in the share of one source alone: that of the domain whose loss is predicted."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Evidence, FittedLaw, Points
from mix.laws.projection import Projection, Solution
from mix.laws.ratios import ratio_numbers
from mix.laws.refusals import not_finite, too_few
from mix.laws.share_axes import aligned_shares

Array = NDArray[np.float64]

_UNKNOWN_NOISE = 1e-3
"""Noise relative to the loss that is assumed where there are no more ratios than parameters and no repeated runs."""

_TOLERANCE, _MAX_EVALUATIONS = 1e-7, 40
"""Of searches: offsets and powers trade off along a valley whose floor is flat to the last digits."""


class Form(Protocol):
    """A curve that falls from 1 at share 0 to 0 at share 1, with p parameters θ that are searched."""

    names: tuple[str, ...]
    """Of the parameters as the paper has them."""
    lower: Array
    upper: Array
    """float64[p] each: bounds of θ."""

    def fallen(self, share: Array, theta: Array) -> tuple[Array, Array]:
        """float64[n]: how much of the fall is over at `share` float64[n], from 0 to 1; and float64[n, p], its derivative by θ."""
        ...

    def grid(self) -> list[Array]:
        """Starts."""
        ...

    def parameters(self, theta: Array) -> dict[str, float]:
        """The parameters as the paper has them."""
        ...

    def doubts(self, theta: Array, spread: Array) -> tuple[str, ...]:
        """Which of them are unknown, given standard errors of θ."""
        ...


@dataclass(frozen=True)
class FittedOwnShare:
    """`at_zero` − `fall`·φ(r), where φ rises from 0 at share 0 to 1 at share 1 of the source `own`."""

    name: str
    form: Form
    sources: tuple[str, ...]
    own: str
    at_zero: float
    fall: float
    theta: Array
    unidentified: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def n_free(self) -> int:
        """The two ends and the parameters of the curve."""
        return 2 + len(self.theta)

    def predict(self, points: Points) -> Array:
        """float64[n]; NaN where a point uses a source that the law does not know."""
        share = aligned_shares(points, self.sources)[:, self.sources.index(self.own)]
        return self.at_zero - self.fall * self.form.fallen(np.maximum(share, 0), self.theta)[0]

    def tangent(self, points: Points) -> Array:
        """float64[n, 2 + p]: by `at_zero`, `fall` and θ."""
        share = aligned_shares(points, self.sources)[:, self.sources.index(self.own)]
        fallen, slope = self.form.fallen(np.maximum(share, 0), self.theta)
        return np.column_stack([np.ones(len(share)), -fallen, -self.fall * slope])

    def record(self) -> dict[str, Any]:
        """Parameters as JSON; those of the paper under `parameters`, for the reader."""
        return {
            "law": self.name,
            "sources": list(self.sources),
            "own": self.own,
            "at_zero": self.at_zero,
            "fall": self.fall,
            "theta": self.theta.tolist(),
            "parameters": self.form.parameters(self.theta),
            "unidentified": list(self.unidentified),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class OwnShare:
    """A law of this kind: a name, a paper and a form."""

    name: str
    reference: str
    form: Form
    along_runs: bool = False

    def problem(self, evidence: Evidence) -> str | None:
        """Too few distinct shares of the domain's own source, or no such source."""
        if fault := not_finite(evidence):
            return fault
        columns = self._columns(evidence)
        if not columns:
            return "it needs to know which source the domain's text comes from: `domains: {DOMAIN: SOURCE}` in the recipe"
        there = max(int(ratio_numbers(evidence.points.shares[:, [column]]).max()) + 1 for column in columns)
        return too_few(2 + len(self.form.names), there, "distinct shares of the domain's own source")

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedOwnShare:
        """Least squares from a grid of starts. `seed` changes nothing: no start is random."""
        if isinstance(start, FittedOwnShare) and start.name == self.name and start.own in evidence.points.sources:
            column = evidence.points.sources.index(start.own)
            basis = _Basis(self.form, evidence.points.shares[:, column])
            projection = _projection(basis, evidence.losses)
            return self._fitted(evidence, column, projection, projection.search(basis.inside(start.theta)))
        problem = self.problem(evidence)
        if problem:
            raise MixError(f"{self.name}: {problem}")
        fits = []
        for column in self._columns(evidence):
            projection = _projection(_Basis(self.form, evidence.points.shares[:, column]), evidence.losses)
            fits.append((column, projection, projection.best(self.form.grid(), n_searches=3)))
        return self._fitted(evidence, *min(fits, key=lambda fit: fit[2].cost))

    def _columns(self, evidence: Evidence) -> list[int]:
        """Which sources may be the domain's own: the one that is known to be, or either of two."""
        if evidence.source is not None:
            return [evidence.source]
        return [0, 1] if len(evidence.points.sources) == 2 else []

    def _fitted(self, evidence: Evidence, column: int, projection: Projection, found: Solution) -> FittedOwnShare:
        sources, fall = evidence.points.sources, float(found.linear[0])
        theta = np.clip(found.theta, self.form.lower, self.form.upper)
        freedom = len(evidence) - 2 - len(theta)
        guess = _UNKNOWN_NOISE * float(np.abs(evidence.losses).mean())
        noise = evidence.noise or (np.sqrt(found.cost / freedom) if freedom > 0 else guess)
        spread = projection.spread(found.theta, float(noise))
        if fall <= 0:
            doubts: tuple[str, ...] = (f"{', '.join(('a', *self.form.names))}: the losses do not fall as the share of {sources[column]} rises",)
        else:
            doubts = self.form.doubts(theta, spread)
        warnings = (f"It looks at the share of {sources[column]} alone, however the others are divided.",) if len(sources) > 2 else ()
        return FittedOwnShare(self.name, self.form, sources, sources[column], found.constant, fall, theta, doubts, warnings)

    def read(self, record: dict[str, Any]) -> FittedOwnShare:
        """The law of a `record`. Raises MixError for one of another form."""
        try:
            sources, theta = tuple(record["sources"]), np.array(record["theta"], np.float64)
            if theta.shape != self.form.lower.shape or record["own"] not in sources:
                raise ValueError("parameters of another law")
            ends = float(record["at_zero"]), float(record["fall"])
            return FittedOwnShare(self.name, self.form, sources, str(record["own"]), *ends, theta, tuple(record["unidentified"]), tuple(record["warnings"]))
        except (KeyError, TypeError, ValueError) as fault:
            raise MixError(f"this record is not one of the law {self.name} ({fault!r}); fit it again with `mix fit`") from None


def _projection(basis: "_Basis", losses: Array) -> Projection:
    return Projection(basis, losses, positive=np.ones(1, bool), tolerance=_TOLERANCE, max_evaluations=_MAX_EVALUATIONS)


class _Basis:
    """−φ, so that a falling loss has a positive coefficient. Beyond its bounds θ counts as at the bound."""

    def __init__(self, form: Form, share: Array):
        self.form = form
        self.share = share

    def inside(self, theta: Array) -> Array:
        """θ a little inside its bounds, where the slope is not zero."""
        margin = 0.001 * (self.form.upper - self.form.lower)
        return np.clip(theta, self.form.lower + margin, self.form.upper - margin)

    def columns(self, theta: Array) -> Array:
        return -self.form.fallen(self.share, np.clip(theta, self.form.lower, self.form.upper))[0][:, None]

    def slope(self, theta: Array, columns: Array, linear: Array) -> Array:
        within = (theta >= self.form.lower) & (theta <= self.form.upper)
        return -linear[0] * self.form.fallen(self.share, np.clip(theta, self.form.lower, self.form.upper))[1] * within
