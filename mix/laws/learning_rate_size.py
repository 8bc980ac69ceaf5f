"""Continued pre-training at any learning-rate schedule and any model size, for one mixture (arXiv 2505.07796, Eq. 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mix.laws.law import Evidence, Points
from mix.laws.rate_law import RateLaw, n_different
from mix.laws.rate_terms import Inside, Pretraining, RateForm, Term

_LEAST_SIZES = 3


@dataclass(frozen=True)
class SizeForm(RateForm):
    """The law of one size with annealing terms that grow as powers of the number N of parameters in millions, and + F N^-gamma3."""

    @property
    def linear(self) -> tuple[str, ...]:
        """Linear parameters in order."""
        return (*super().linear, "F")

    @property
    def inside(self) -> dict[str, Inside]:
        """Parameters inside the terms, in order."""
        grown = {"gamma1": Inside(-1, 1, "C1", scaled=False)} if self.pretraining.curve else {}
        return super().inside | grown | {"gamma2": Inside(-1, 1, "C2", scaled=False), "gamma3": Inside(0.01, 2, "F")}

    def terms(self, points: Points, inside: Mapping[str, float]) -> dict[str, Term]:
        """The terms of the formula by linear parameter; NaN where a point lacks a number."""
        terms = super().terms(points, inside)
        logs = np.log(points.parameters / 1e6)
        for name, exponent in (("C1", "gamma1"), ("C2", "gamma2")):
            if exponent in inside:
                power = np.exp(inside[exponent] * logs)
                terms[name] = terms[name].times(power, {exponent: logs * power})
        power = np.exp(-inside["gamma3"] * logs)
        return terms | {"F": Term(power, {"gamma3": -logs * power})}


class LearningRateSize(RateLaw):
    """L = L0 + A (S1pt + S1)^-alpha − C1 S2pt N^gamma1 − C2 S2 N^gamma2 + B (1 − (1 + E S1)^-beta) + F N^-gamma3, with N in millions of parameters.

    The areas are those of `mix.laws.learning_rate`. All sizes share L0, A and the shift between the corpora.
    """

    name = "learning_rate_size"
    reference = (
        "arXiv 2505.07796, Eq. 7: L = L0 + A·(S1pt + S1)^-alpha − C1·S2pt·N^gamma1 − C2·S2·N^gamma2 + B·(1 − (1 + E·S1)^-beta) + F·N^-gamma3, N in millions"
    )

    def form(self, evidence: Evidence, pretraining: Pretraining, largest: float, rises: bool) -> SizeForm:
        """The form for this evidence."""
        return SizeForm(pretraining, largest, rises)

    def read_form(self, record: Mapping[str, Any]) -> SizeForm:
        """The form of a record."""
        return SizeForm(Pretraining.read(record["pretraining"]), float(record["largest_forward_area"]), bool(record["rises"]))

    def lacks(self, evidence: Evidence) -> str | None:
        """It needs several sizes, and knows no mixtures."""
        points = evidence.points
        if not (points.parameters > 0).all():
            return "the law needs the number of model parameters of every row (n_parameters)"
        n_mixtures, n_sizes = n_different(points.shares[points.areas[:, 2] > 0]), n_different(points.parameters[:, None])
        if n_mixtures > 1:
            return f"the runs have {n_mixtures} different mixtures, and this law knows none; use learning_rate_replay"
        if n_sizes < _LEAST_SIZES:
            return f"the runs have {n_sizes} model size{'s' * (n_sizes > 1)}; the law needs {_LEAST_SIZES}"
        return None
