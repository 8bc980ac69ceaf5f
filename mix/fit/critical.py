"""The critical share: how much of its own source a domain's loss needs to end no higher than in the base model."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mix.errors import MixError
from mix.fit.record import CriticalFacts
from mix.fit.rows import DomainRows
from mix.laws.critical import smallest_share
from mix.laws.law import FittedLaw, Points


def critical_facts(rows: DomainRows, fitted: FittedLaw, resampled: Sequence[FittedLaw], confidence: float) -> CriticalFacts | None:
    """The smallest share of the domain's own source at which the law keeps the loss at or below the base model's, with its interval.

    Shares are those between the smallest and the largest of the evidence, the other sources keeping their mean proportions; size and tokens are those of
    the largest and longest run. Resampled laws that stay above the base model's loss count as the largest share. None where the base's loss or the domain's
    source is unknown, where its share never changes, and where the law does not predict.
    """
    evidence, source = rows.evidence, rows.evidence.source
    if evidence.base is None or source is None:
        return None
    ends = evidence.points.take(rows.is_last)
    low, high = float(ends.shares[:, source].min()), float(ends.shares[:, source].max())
    name, template = ends.sources[source], _longest(ends)
    if high - low < 1e-6 or not np.isfinite(fitted.predict(template)).all() or not (template.shares[0].sum() - template.shares[0, source] > 0):
        return None

    def share_of(law: FittedLaw) -> float | None:
        try:
            return smallest_share(law, template, name, evidence.base or 0.0, low=low, high=high).share
        except MixError:
            return None

    found = share_of(fitted)
    drawn = [high if share is None else share for share in map(share_of, resampled)]
    ends_of = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist() if drawn and found is not None else [None, None]
    return CriticalFacts(
        source=name,
        share=found,
        low=ends_of[0],
        high=ends_of[1],
        smallest=low,
        largest=high,
        tokens=_known(template.tokens[0]),
        parameters=_known(template.parameters[0]),
    )


def _longest(ends: Points) -> Points:
    """One point at the mean shares, of the size and the tokens of the largest and then longest run."""
    order = np.lexsort((np.nan_to_num(ends.tokens), np.nan_to_num(ends.parameters)))
    return replace(ends.take(order[-1:]), shares=ends.shares.mean(axis=0, keepdims=True))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
