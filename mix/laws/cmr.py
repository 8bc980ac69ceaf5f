"""The law of the critical mixture ratio at one budget: loss as a power of the share of the domain's own source (arXiv 2407.17467)."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Evidence, FittedLaw, Points
from mix.laws.power import STEEPEST, Power, fit_power, powered, powered_slope
from mix.laws.terms import n_distinct, source_of, variable_of

Array = NDArray[np.float64]

N_RATIOS = 4
"""Fewest different ratios: the curve has three parameters."""


@dataclass(frozen=True)
class FittedCMR:
    """L(R) = alpha·R^s + beta, with R the share of `source`."""

    source: str
    curve: Power
    unidentified: tuple[str, ...]
    n_free: int = 3
    name: str = field(default="cmr", init=False)
    warnings: tuple[str, ...] = field(default=(), init=False)

    def predict(self, points: Points) -> Array:
        """float64[n]; NaN where the share is 0 and s is not positive, and where a point does not have the source."""
        losses = self.curve.at(variable_of(points, "share", self.source))
        return np.where(np.isfinite(losses), losses, np.nan)

    def tangent(self, points: Points) -> Array:
        """float64[n, 3]: derivatives by the level at R = 1, by the slope there and by s."""
        share = variable_of(points, "share", self.source)
        return np.column_stack([np.ones(len(points)), powered(share, self.curve.s), self.curve.slope * powered_slope(share, self.curve.s)])

    def record(self) -> dict[str, Any]:
        """The curve as JSON values; `alpha` and `beta` are those of the paper, for the reader, and unlimited as s tends to 0."""
        curve = {"level": self.curve.level, "slope": self.curve.slope, "s": self.curve.s}
        return {"law": self.name, "source": self.source, **curve, "unidentified": list(self.unidentified), "n_free": self.n_free}


class CMR:
    """L(R) = alpha·R^s + beta at one size and one number of tokens, by least squares with alpha and beta projected out; s may change sign.

    The paper fits this to the loss of the domain, and finds the largest share of the domain with an affordable general loss by curves along each run
    (`mix.laws.cmr_curves`). It validates losses only, and no budget but its own.
    """

    name = "cmr"
    reference = "critical mixture ratio, arXiv 2407.17467: L = alpha R^s + beta at a fixed number of tokens"
    along_runs = False

    def problem(self, evidence: Evidence) -> str | None:
        """Why this law cannot be fitted to this evidence; None if it can."""
        source = source_of(evidence)
        if source is None:
            return "cmr needs the share of the source that the domain's text comes from, and no source is named for this domain"
        if not np.isfinite(evidence.losses).all():
            return "cmr needs a loss in every row"
        points = evidence.points
        for variable, what in (("tokens", "numbers of tokens"), ("parameters", "model sizes")):
            if n_distinct(getattr(points, variable)) > 1:
                return f"cmr compares ratios at one size and one number of tokens; these rows have {n_distinct(getattr(points, variable))} {what}"
        n_ratios = n_distinct(variable_of(points, "share", source), share=True)
        return None if n_ratios >= N_RATIOS else f"cmr needs at least {N_RATIOS} different shares of {source}; there are {n_ratios}"

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedCMR:
        """The best curve. `seed` and `start` change nothing: one parameter is searched, from starts all over its range."""
        if problem := self.problem(evidence):
            raise MixError(problem)
        source = evidence.points.sources[evidence.source or 0]
        share = variable_of(evidence.points, "share", source)
        curve = fit_power(share, evidence.losses)
        return FittedCMR(source, curve, _unidentified(curve, share, evidence.losses))

    def read(self, record: dict[str, Any]) -> FittedCMR:
        """The fitted law of a `record`. Raises MixError for one that this law did not write."""
        try:
            if record["law"] == self.name:
                curve = Power(*(float(record[name]) for name in ("level", "slope", "s")))
                return FittedCMR(str(record["source"]), curve, tuple(str(text) for text in record["unidentified"]), int(record["n_free"]))
        except (KeyError, TypeError, ValueError) as error:
            raise MixError(f"not a fit of cmr: {error!r}") from error
        raise MixError(f"not a fit of cmr but of {record['law']}")


def _unidentified(curve: Power, share: Array, losses: Array) -> tuple[str, ...]:
    """s, where it is at the end of its range or the losses do not depend on the share beyond their scatter."""
    scatter = float(np.sqrt(((curve.at(share) - losses) ** 2).sum() / max(len(losses) - 3, 1)))
    if abs(curve.s) > 0.98 * STEEPEST:
        return (f"s: it is at {curve.s:.3g}, the end of the range that is searched",)
    return ("s: the loss changes with the share by less than it scatters",) if np.ptp(curve.at(share)) <= scatter else ()
