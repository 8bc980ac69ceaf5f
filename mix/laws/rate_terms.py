"""The terms of the laws of learning rates, with their derivatives, and what is known of pre-training (arXiv 2505.07796)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.law import Points
from mix.laws.separable import Columns, Solution

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pretraining:
    """What the evidence knows of the areas of pre-training.

    `curve`: they differ between rows, so that the term C1·S2pt can be fitted. Otherwise all rows continue one model: with `areas`, its two areas, or
    None where they are unknown, as for most open models; S1pt is then fitted as a constant.
    """

    curve: bool
    areas: tuple[float, float] | None = None

    @classmethod
    def of(cls, points: Points) -> "Pretraining":
        """What these points know. Raises MixError where some rows have the areas of pre-training and others lack them."""
        areas = points.areas[:, :2]
        known = np.logical_and.reduce(np.isfinite(areas), axis=1)
        if not known.any():
            return cls(False)
        if not known.all():
            raise MixError(
                f"{(~known).sum()} of {len(known)} rows lack the learning-rate areas of pre-training; give them for all rows or for none "
                "(lr.pretraining_forward_area, lr.pretraining_annealing_area)"
            )
        forward, annealing = areas[0].tolist()
        return cls(True) if (np.ptp(areas, axis=0) > 1e-9 * np.abs(areas).max(0)).any() else cls(False, (forward, annealing))

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Pretraining":
        """Of its record."""
        areas = record["areas"]
        return cls(bool(record["curve"]), None if areas is None else (float(areas[0]), float(areas[1])))

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return {"curve": self.curve, "areas": None if self.areas is None else list(self.areas)}

    def at(self, points: Points, inside: Mapping[str, float]) -> tuple[Array, Array]:
        """S1pt and S2pt of the points. NaN where a point is known to continue another model than all the evidence does."""
        areas = points.areas[:, :2]
        if self.curve:
            return areas[:, 0], areas[:, 1]
        if self.areas is None:
            return np.full(len(points), inside["S1pt"]), np.zeros(len(points))
        known = np.array(self.areas)
        other = np.logical_or.reduce(np.abs(areas - known) > 1e-6 * np.abs(known), axis=1)  # false where unknown
        forward, annealing = (np.where(other, np.nan, part) for part in self.areas)
        return forward, annealing


@dataclass(frozen=True)
class Inside:
    """A parameter inside a term: its search range, and `of`, the linear parameter without which it has no effect. `scaled`: the search is in its
    logarithm."""

    low: float
    high: float
    of: str
    scaled: bool = True

    def bounds(self) -> tuple[float, float]:
        """Of what is searched."""
        return (float(np.log(self.low)), float(np.log(self.high))) if self.scaled else (self.low, self.high)

    def bound(self, value: float) -> float | None:
        """The bound that this value is at, if any, to 1% of what is searched."""
        low, high = self.bounds()
        share = ((np.log(value) if self.scaled else value) - low) / (high - low)
        return self.low if share < 0.01 else self.high if share > 0.99 else None


class Term(NamedTuple):
    """What a linear parameter is multiplied with, float64[n], and its derivatives by the parameters inside it."""

    value: Array
    by: dict[str, Array]

    def times(self, factor: Array, by: Mapping[str, Array]) -> "Term":
        """This term times a factor, whose derivatives are given."""
        own = {name: derivative * factor for name, derivative in self.by.items()}
        return Term(self.value * factor, own | {name: self.value * derivative for name, derivative in by.items()})


@dataclass(frozen=True)
class RateForm:
    """L = L0 + A (S1pt + S1)^-alpha − C1 S2pt − C2 S2 + B (1 − (1 + E S1)^-beta), where S1 and S2 are the areas of continued pre-training.

    All linear parameters are at least 0, except B if not `rises`, which is at most 0. `largest` is the largest S1 of the evidence; the search ranges
    of E and S1pt are in its units. Without a curve of pre-training C1·S2pt is a constant and part of L0.
    """

    pretraining: Pretraining
    largest: float
    rises: bool

    @property
    def linear(self) -> tuple[str, ...]:
        """Linear parameters in order; the first is the constant."""
        return ("L0", "A", *(("C1",) if self.pretraining.curve else ()), "C2", "B")

    @property
    def inside(self) -> dict[str, Inside]:
        """Parameters inside the terms, in order."""
        ranges = {"alpha": Inside(0.02, 3, "A"), "E": Inside(0.01 / self.largest, 1e6 / self.largest, "B"), "beta": Inside(1e-3, 10, "B")}
        if not self.pretraining.curve and self.pretraining.areas is None:
            ranges["S1pt"] = Inside(1e-3 * self.largest, 1e3 * self.largest, "A")
        return ranges

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters, linear ones first."""
        return (*self.linear, *self.inside)

    def terms(self, points: Points, inside: Mapping[str, float]) -> dict[str, Term]:
        """The terms of the formula by linear parameter; NaN where a point lacks a number."""
        before, before_annealing = self.pretraining.at(points, inside)
        forward, annealing = points.areas[:, 2], points.areas[:, 3]
        alpha, speed, beta = inside["alpha"], inside["E"], inside["beta"]
        total = before + forward
        logs = np.log(total, out=np.full(len(points), np.nan), where=total > 0)
        power = np.exp(-alpha * logs)
        grown = np.log1p(speed * forward)
        left = np.exp(-beta * grown)
        terms = {
            "L0": Term(np.ones(len(points)), {}),
            "A": Term(power, {"alpha": -logs * power}),
            "C1": Term(-before_annealing, {}),
            "C2": Term(-annealing, {}),
            "B": Term(1 - left, {"beta": grown * left, "E": beta * forward * left / (1 + speed * forward)}),
        }
        if "S1pt" in inside:
            terms["A"].by["S1pt"] = -alpha * power / total
        return terms

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return {"pretraining": self.pretraining.record(), "largest_forward_area": self.largest, "rises": self.rises}

    def bounds(self) -> tuple[Array, Array]:
        """Bounds of what is searched, float64[p] each: the parameters inside, most of them as logarithms."""
        low, high = zip(*(part.bounds() for part in self.inside.values()), strict=True)
        return np.array(low), np.array(high)

    def searched(self, parameters: Mapping[str, float]) -> Array:
        """What is searched, of these parameters."""
        return np.array([np.log(parameters[name]) if part.scaled else parameters[name] for name, part in self.inside.items()])

    def columns(self, points: Points) -> Columns:
        """For `mix.laws.separable`: terms but the constant, float64[n, m], and their derivatives float64[p, n, m] by what is searched."""
        signs = {name: -1.0 if name == "B" and not self.rises else 1.0 for name in self.linear[1:]}
        searched = self.inside

        def at(theta: Array) -> tuple[Array, Array]:
            inside = _values(searched, theta)
            terms = self.terms(points, inside)
            values = np.stack([sign * terms[name].value for name, sign in signs.items()], axis=1)
            derivatives = np.zeros((len(theta), *values.shape))
            for j, (name, sign) in enumerate(signs.items()):
                for i, (parameter, part) in enumerate(searched.items()):
                    if parameter in terms[name].by:
                        derivatives[i, :, j] = sign * terms[name].by[parameter] * (inside[parameter] if part.scaled else 1.0)
            return values, derivatives

        return at

    def parameters(self, solution: Solution) -> dict[str, float]:
        """All parameters of a solution by name."""
        linear = dict(zip(self.linear, solution.coefficients.tolist(), strict=True))
        linear["B"] *= 1 if self.rises else -1
        return linear | _values(self.inside, solution.theta)


def _values(inside: Mapping[str, Inside], theta: Array) -> dict[str, float]:
    """Parameters inside the terms, of what is searched."""
    pairs = zip(inside.items(), theta.tolist(), strict=True)
    return {name: float(np.exp(number)) if part.scaled else number for (name, part), number in pairs}
