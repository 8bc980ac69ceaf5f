"""Predicted losses over the share of one of two sources, for the page."""

import numpy as np

from mix.runs.table import Array
from mix.suggest.beliefs import Beliefs
from mix.suggest.question import Question
from mix.suggest.record import CurvePoint, CurveRecord

N_POINTS = 41


def curve_of(question: Question, beliefs: Beliefs, shares: Array) -> CurveRecord | None:
    """The curve between the ends of the evidence and the suggested shares float64[k]; None unless exactly two sources vary."""
    varying = np.flatnonzero(np.ptp(np.vstack([beliefs.ratios, shares]), axis=0) > 1e-6)
    if len(varying) != 2:
        return None
    first, second = varying.tolist()
    along = np.concatenate([beliefs.ratios[:, first], shares[[first]]])
    axis = np.linspace(along.min(), along.max(), N_POINTS)
    points = np.tile(shares, (N_POINTS, 1))
    points[:, second] += points[:, first] - axis
    points[:, first] = axis
    looks = beliefs.look(points.clip(0, 1))
    tail = (1 - question.request.confidence) / 2
    bands = {name: np.stack([look.quantile(tail, one_run=True), look.mean, look.quantile(1 - tail, one_run=True)], axis=1) for name, look in looks.items()}
    return CurveRecord(
        source=beliefs.sources[first],
        points=[
            CurvePoint(share=float(share), losses={name: (float(band[i, 0]), float(band[i, 1]), float(band[i, 2])) for name, band in bands.items()})
            for i, share in enumerate(axis.clip(0, 1).tolist())
        ],
    )
