"""Continued pre-training at any learning-rate schedule and any share of replay, for one model size (arXiv 2505.07796, Eq. 8)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mix.laws.law import Evidence, Points
from mix.laws.rate_law import RateLaw, n_different
from mix.laws.rate_terms import Inside, Pretraining, RateForm, Term


@dataclass(frozen=True)
class ReplayForm(RateForm):
    """The law of one mixture with an annealing term times exp(a1 r), and the shift times a function of r, the share of `source`.

    `rises`: the loss is of text like the old data, and the shift is times 1 − exp(−a2 (1 − r)), which is 0 where all data is old. Otherwise the loss is
    of text like the new data, and the shift is times exp(a2 r) − 1, which is 0 where no data is new.
    """

    source: str

    @property
    def inside(self) -> dict[str, Inside]:
        """Parameters inside the terms, in order."""
        return super().inside | {"a1": Inside(-3, 3, "C2", scaled=False), "a2": Inside(0.01, 20, "B")}

    def terms(self, points: Points, inside: Mapping[str, float]) -> dict[str, Term]:
        """The terms of the formula by linear parameter; NaN where a point lacks a number."""
        terms = super().terms(points, inside)
        known = self.source in points.sources
        share = points.shares[:, points.sources.index(self.source)] if known else np.full(len(points), np.nan)
        share = np.where(points.areas[:, 2] == 0, 0.0, share)  # before the first step of continued pre-training the mixture has no effect
        annealed = np.exp(inside["a1"] * share)
        if self.rises:
            kept = np.exp(-inside["a2"] * (1 - share))
            shifted, slope = 1 - kept, (1 - share) * kept
        else:
            grown = np.exp(inside["a2"] * share)
            shifted, slope = grown - 1, share * grown
        return terms | {"C2": terms["C2"].times(annealed, {"a1": share * annealed}), "B": terms["B"].times(shifted, {"a2": slope})}

    def record(self) -> dict[str, Any]:
        """As JSON values."""
        return super().record() | {"source": self.source}


class LearningRateReplay(RateLaw):
    """Of text like the old data, whose loss rises: L = L0 + A (S1pt + S1)^-alpha − C1 S2pt − C2 S2 exp(a1 r) + B (1 − (1 + E S1)^-beta)·(1 − exp(−a2 (1 − r))).

    Of text like the new data, whose loss falls, the last factor is exp(a2 r) − 1, and B < 0. r is the share of the source that the text comes from.
    Which of the two a loss is, is decided by the better fit. The areas are those of `mix.laws.learning_rate`.
    """

    name = "learning_rate_replay"
    reference = (
        "arXiv 2505.07796, Eq. 8: L = L0 + A·(S1pt + S1)^-alpha − C1·S2pt − C2·S2·exp(a1·r) + B·(1 − (1 + E·S1)^-beta)·g(r), "
        "g(r) = 1 − exp(−a2·(1 − r)) for old and exp(a2·r) − 1 for new data"
    )

    def form(self, evidence: Evidence, pretraining: Pretraining, largest: float, rises: bool) -> ReplayForm:
        """The form for this evidence, whose domain must have a source."""
        if evidence.source is None:
            raise ValueError("the evidence names no source")
        return ReplayForm(pretraining, largest, rises, evidence.points.sources[evidence.source])

    def read_form(self, record: Mapping[str, Any]) -> ReplayForm:
        """The form of a record."""
        pretraining = Pretraining.read(record["pretraining"])
        return ReplayForm(pretraining, float(record["largest_forward_area"]), bool(record["rises"]), str(record["source"]))

    def lacks(self, evidence: Evidence) -> str | None:
        """It needs several shares of the domain's own source, and knows one size."""
        points = evidence.points
        if evidence.source is None:
            return "the law needs the share of the source that the domain's text comes from, and no source is named for this domain"
        shares = points.shares[points.areas[:, 2] > 0, evidence.source]
        if not np.isfinite(shares).all():
            return f"{int((~np.isfinite(shares)).sum())} rows of continued pre-training have no shares"
        n_shares, n_sizes = n_different(shares[:, None]), n_different(points.parameters[:, None])
        if n_shares < 2:
            return "all runs have the same share of the domain's own source; use learning_rate, or add runs at another share"
        if n_sizes > 1:
            return f"the runs have {n_sizes} model sizes, and this law knows none; fit it to the runs of one size"
        return None
