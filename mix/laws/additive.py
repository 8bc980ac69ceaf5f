"""Model size, tokens and mixture together: one term for each, added up, or with the mixture's term multiplying that of the tokens."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.exponential import starts_above_floors
from mix.laws.law import Evidence, FittedLaw, Points
from mix.laws.projection import Projection, Solution
from mix.laws.refusals import n_ratios, not_finite
from mix.laws.share_axes import ShareAxes, aligned_shares
from mix.laws.tangent import central_differences

Array = NDArray[np.float64]

SIZE, TOKENS, SHARES, MOVED = "A", "B", "k", "m"
"""Terms by their coefficient: A/N^a, B/D^b, k·exp(Σ_j t_j r_j), and m·exp(Σ_j t_j r_j)/D^b."""
_EXPONENTS = ("a", "b")
_SMALLEST, _LARGEST = 0.01, 3.0
"""Bounds of the exponents a and b."""
_STEEPEST = 60.0
_SAME = 0.05
"""Sizes or tokens that differ by less, relatively, say nothing of an exponent."""
_HUBER = 3.0
_SMALLEST_NOISE = 1e-6
_STARTS = ((0.2, 0.2), (0.5, 0.3), (0.3, 0.6), (0.8, 0.8))
"""Exponents to begin with."""


@dataclass(frozen=True)
class FittedAdditive:
    """E plus the terms that the evidence varies.

    N and D are relative to `n_unit` and `d_unit`, their geometric means in the evidence, and shares to `centre`, so that coefficients are losses at a
    typical run. `theta` is ln a, ln b (those in use) and then t along `axes`.
    """

    name: str
    constant: float
    coefficients: dict[str, float]
    theta: Array
    axes: ShareAxes
    n_unit: float
    d_unit: float
    unidentified: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def n_free(self) -> int:
        """Coefficients, exponents and directions of the shares."""
        return 1 + len(self.coefficients) + len(self.theta)

    def predict(self, points: Points) -> Array:
        """float64[n]; NaN where a point lacks a number that the law uses, or uses a source that it does not know."""
        return self._curve(points)(self._parameters())

    def tangent(self, points: Points) -> Array:
        """float64[n, p]: by E, the coefficients and θ."""
        return central_differences(self._curve(points), self._parameters())

    def _parameters(self) -> Array:
        return np.concatenate([[self.constant], list(self.coefficients.values()), self.theta])

    def _basis(self, points: Points) -> "_Basis":
        shares = self.axes.coordinates(aligned_shares(points, self.axes.sources))
        return _Basis(tuple(self.coefficients), points.parameters / self.n_unit, points.tokens / self.d_unit, shares)

    def _curve(self, points: Points) -> Callable[[Array], Array]:
        """Predictions at the points as a function of all parameters."""
        basis, n_linear = self._basis(points), 1 + len(self.coefficients)
        return lambda parameters: parameters[0] + basis.columns(parameters[n_linear:]) @ parameters[1:n_linear]

    def record(self) -> dict[str, Any]:
        """Parameters as JSON; exponents and t in the paper's form under `parameters`, for the reader."""
        n_exponents = sum(term in self.coefficients for term in (SIZE, TOKENS))
        names = [name for name, term in zip(_EXPONENTS, (SIZE, TOKENS), strict=True) if term in self.coefficients]
        shown = dict(zip(names, np.exp(self.theta[:n_exponents]).tolist(), strict=True))
        return {
            "law": self.name,
            "sources": list(self.axes.sources),
            "constant": self.constant,
            "coefficients": self.coefficients,
            "theta": self.theta.tolist(),
            "axes": self.axes.axes.tolist(),
            "centre": self.axes.centre.tolist(),
            "n_unit": self.n_unit,
            "d_unit": self.d_unit,
            "parameters": shown | {"E": self.constant, "t": (self.axes.axes @ self.theta[n_exponents:]).tolist()},
            "unidentified": list(self.unidentified),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Additive:
    """L = E + A/N^a + B/D^b + exp(k + Σ_j t_j r_j); with `product`, the mixture also changes what tokens bring: + m·exp(Σ_j t_j r_j)/D^b.

    Least squares of relative residuals, except that those beyond 3 robust standard deviations, such as of diverged runs, count linearly (Huber). E, A, B
    and the scales of the exponentials are at or above zero. Terms whose numbers the evidence does not vary are left out and named.
    """

    name: str
    reference: str
    product: bool = False
    along_runs: bool = True

    def problem(self, evidence: Evidence) -> str | None:
        """Neither size nor tokens vary, or there are fewer points than parameters."""
        if fault := not_finite(evidence):
            return fault
        if evidence.losses.min() <= 0:
            return "losses must be positive numbers"
        axes = ShareAxes.of(evidence.points.sources, evidence.points.shares)
        terms = self._terms(evidence.points, axes)
        if SIZE not in terms and TOKENS not in terms:
            return "all points have the same size and tokens; a law of the shares alone, such as exponential, says as much"
        if self.product and MOVED not in terms:
            return "its product needs points that differ in tokens and in shares"
        if len(evidence) < (needed := 1 + len(terms) + self._n_searched(terms, axes)):
            return f"{needed} parameters need at least {needed} points; there are {len(evidence)}"
        distinct = n_ratios(evidence)
        if axes.n_axes and distinct < axes.n_axes + 2:
            return f"{len(evidence.points.sources)} sources need at least {axes.n_axes + 2} distinct ratios; there are {distinct}"
        return None

    def fit(self, evidence: Evidence, *, seed: int = 0, start: FittedLaw | None = None) -> FittedAdditive:
        """The best of several minima. `seed` changes nothing: no start is random."""
        points, losses = evidence.points, evidence.losses
        if isinstance(start, FittedAdditive) and start.name == self.name and start.axes.sources == points.sources:
            axes, terms = start.axes, tuple(start.coefficients)
            basis = _Basis(terms, points.parameters / start.n_unit, points.tokens / start.d_unit, axes.coordinates(points.shares))
            projection = _projection(basis, losses)
            return self._fitted(start, projection, _robust(projection, projection.search(start.theta)), evidence)
        problem = self.problem(evidence)
        if problem:
            raise MixError(f"{self.name}: {problem}")
        axes = ShareAxes.of(points.sources, points.shares)
        terms = self._terms(points, axes)
        n_unit, d_unit = (_unit(values) for values in (points.parameters, points.tokens))
        basis = _Basis(terms, points.parameters / n_unit, points.tokens / d_unit, axes.coordinates(points.shares))
        projection = _projection(basis, losses)
        found = projection.best(_starts(basis, losses), n_searches=4)
        blank = FittedAdditive(self.name, 0.0, dict.fromkeys(terms, 0.0), found.theta, axes, n_unit, d_unit, ())
        return self._fitted(blank, projection, _robust(projection, found), evidence)

    def _terms(self, points: Points, axes: ShareAxes) -> tuple[str, ...]:
        """The terms whose numbers vary."""
        terms = [term for term, values in ((SIZE, points.parameters), (TOKENS, points.tokens)) if _varies(values)]
        terms += [SHARES] if axes.n_axes else []
        return (*terms, MOVED) if self.product and TOKENS in terms and SHARES in terms else tuple(terms)

    @staticmethod
    def _n_searched(terms: tuple[str, ...], axes: ShareAxes) -> int:
        return sum(term in terms for term in (SIZE, TOKENS)) + axes.n_axes

    def _fitted(self, blank: FittedAdditive, projection: Projection, found: Solution, evidence: Evidence) -> FittedAdditive:
        terms = tuple(blank.coefficients)
        n_exponents = sum(term in terms for term in (SIZE, TOKENS))
        theta = found.theta.copy()
        theta[:n_exponents] = np.clip(theta[:n_exponents], np.log(_SMALLEST), np.log(_LARGEST))
        doubts = list(blank.axes.unidentified("t"))
        for term, exponent, number, values in ((SIZE, "a", "sizes", evidence.points.parameters), (TOKENS, "b", "tokens", evidence.points.tokens)):
            if term not in terms:
                doubts.append(f"{term}, {exponent}: all points have the same {number}, or none is known")
            elif len(np.unique(values)) < 3:
                doubts.append(f"{exponent}: two different {number} do not tell the exponent from E")
        freedom = max(len(evidence) - blank.n_free, 1)
        spread = projection.spread(found.theta, float(np.sqrt(found.cost / freedom)))[:n_exponents]
        searched = [exponent for exponent, term in zip(_EXPONENTS, (SIZE, TOKENS), strict=True) if term in terms]
        doubts += [f"{name}: known only within a factor of more than 2.7 either way" for name, error in zip(searched, spread, strict=True) if error > 1]
        zero = [term for term, value in zip(terms, found.linear, strict=True) if value == 0]
        doubts += [f"{term}: 0, so what multiplies it is unknown" for term in zero]
        coefficients = dict(zip(terms, found.linear.tolist(), strict=True))
        return replace(blank, constant=found.constant, coefficients=coefficients, theta=theta, unidentified=tuple(doubts))

    def read(self, record: dict[str, Any]) -> FittedAdditive:
        """The law of a `record`. Raises MixError for one of another form."""
        try:
            axes = ShareAxes(
                tuple(record["sources"]),
                np.array(record["centre"], np.float64),
                np.array(record["axes"], np.float64).reshape(len(record["sources"]), -1),
            )
            coefficients = {str(term): float(value) for term, value in record["coefficients"].items()}
            theta = np.array(record["theta"], np.float64)
            if len(theta) != self._n_searched(tuple(coefficients), axes) or not set(coefficients) <= {SIZE, TOKENS, SHARES, MOVED}:
                raise ValueError("parameters of another law")
            units = float(record["n_unit"]), float(record["d_unit"])
            notes = tuple(record["unidentified"]), tuple(record["warnings"])
            return FittedAdditive(self.name, float(record["constant"]), coefficients, theta, axes, *units, *notes)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise MixError(f"this record is not one of the law {self.name} ({fault!r}); fit it again with `mix fit`") from None


class _Basis:
    """The terms in use; exponents beyond their bounds count as at the bound."""

    def __init__(self, terms: tuple[str, ...], n: Array, d: Array, coordinates: Array):
        self.terms = terms
        self.logs = [np.log(values) for term, values in ((SIZE, n), (TOKENS, d)) if term in terms]
        self.coordinates = coordinates

    def _parts(self, theta: Array) -> dict[str, Array]:
        """float64[n] of each term."""
        exponents = np.exp(np.clip(theta[: len(self.logs)], np.log(_SMALLEST), np.log(_LARGEST)))
        names = [term for term in (SIZE, TOKENS) if term in self.terms]
        parts = {term: np.exp(-power * log) for term, power, log in zip(names, exponents, self.logs, strict=True)}
        if SHARES in self.terms:
            parts[SHARES] = np.exp(np.minimum(self.coordinates @ theta[len(self.logs) :], _STEEPEST))
        if MOVED in self.terms:
            parts[MOVED] = parts[SHARES] * parts[TOKENS]
        return parts

    def columns(self, theta: Array) -> Array:
        parts = self._parts(theta)
        return np.column_stack([parts[term] for term in self.terms])

    def slope(self, theta: Array, columns: Array, linear: Array) -> Array:
        weighted = dict(zip(self.terms, (columns * linear).T, strict=True))
        moved = weighted.get(MOVED, 0.0)
        slope = np.empty((len(columns), len(theta)))
        names = [term for term in (SIZE, TOKENS) if term in self.terms]
        for number, (term, log) in enumerate(zip(names, self.logs, strict=True)):
            inside = np.log(_SMALLEST) <= theta[number] <= np.log(_LARGEST)
            power = np.exp(theta[number]) if inside else 0.0
            slope[:, number] = -power * log * (weighted[term] + (moved if term == TOKENS else 0.0))
        if SHARES in self.terms:
            slope[:, len(self.logs) :] = (weighted[SHARES] + moved)[:, None] * self.coordinates
        return slope


def _projection(basis: _Basis, losses: Array) -> Projection:
    return Projection(basis, losses, positive=np.ones(len(basis.terms), bool), constant_positive=True, weights=1 / losses, tolerance=1e-8, max_evaluations=100)


def _robust(projection: Projection, found: Solution) -> Solution:
    residuals = np.abs(projection.residuals(found.theta))
    return projection.robust(found, _HUBER * max(float(np.median(residuals)) / 0.6745, _SMALLEST_NOISE))


def _starts(basis: _Basis, losses: Array) -> list[Array]:
    """For a few exponents, directions of t from what remains of the losses after a regression on the other terms."""
    starts = []
    for exponents in _STARTS:
        powers = np.exp(
            -np.outer(np.ones(len(losses)), exponents[: len(basis.logs)]) * np.column_stack([*basis.logs, np.zeros(len(losses))])[:, : len(basis.logs)]
        )
        design = np.column_stack([np.ones(len(losses)), powers, basis.coordinates])
        fitted = np.linalg.lstsq(design, losses, rcond=None)[0]
        rest = losses - powers @ np.maximum(fitted[1 : 1 + powers.shape[1]], 0)
        directions = starts_above_floors(basis.coordinates, rest) if SHARES in basis.terms else [np.zeros(0)]
        starts += [np.concatenate([np.log(exponents[: len(basis.logs)]), t]) for t in directions]
    return starts


def _varies(values: Array) -> bool:
    """Whether a number is known of every point, and not about the same."""
    return bool(np.isfinite(values).all() and (values > 0).all() and np.ptp(np.log(values)) > _SAME)


def _unit(values: Array) -> float:
    return float(np.exp(np.log(values).mean())) if np.isfinite(values).all() and (values > 0).all() else 1.0


ADDITIVE = Additive(
    "additive",
    "additive law of size, tokens and mixture: L = E + A/N^a + B/D^b + exp(k + Σ_j t_j r_j) (after arXiv 2403.16952 and 2203.15556)",
)
ADDITIVE_PRODUCT = Additive(
    "additive_product",
    "additive law with a product, a form of this project: L = E + A/N^a + B/D^b + (k + m/D^b)·exp(Σ_j t_j r_j)",
    product=True,
)
