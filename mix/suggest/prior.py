"""How strongly to stay near a prior: as much as the losses of held-out ratios say."""

import numpy as np
from numpy.typing import NDArray

from mix.suggest.beliefs import Beliefs, DomainBelief
from mix.suggest.choose import divergence
from mix.suggest.request import Request

Array = NDArray[np.float64]


def strength_of(request: Request, beliefs: Beliefs) -> float:
    """The weight of the divergence from the prior, in the unit of the target per nat.

    That of the request; or, where it is None, the one with which the predicted target plus weight times divergence predicts held-out ratios best: the
    least-squares slope of their held-out errors on their divergence, at least 0. So a prior counts where ratios far from it turn out worse than the
    beliefs predict. 0 without a prior, and with fewer than 3 ratios at a finite divergence.
    """
    if request.prior is None or request.prior_strength is not None:
        return request.prior_strength or 0.0
    total = sum(request.target.values())
    errors = np.zeros(len(beliefs.ratios))
    for name, weight in request.target.items():
        errors += weight / total * held_out_errors(beliefs.domains[name], beliefs.ratios)
    distance = divergence(beliefs.ratios, request.prior)
    known = np.isfinite(errors) & np.isfinite(distance)
    if known.sum() < 3 or np.ptp(distance[known]) < 1e-9:
        return 0.0
    centred = distance[known] - distance[known].mean()
    return max(0.0, float(centred @ errors[known] / (centred @ centred)))


def held_out_errors(belief: DomainBelief, ratios: Array) -> Array:
    """float64[m]: observed minus predicted mean loss of each of float64[m, k] ratios, with the runs at this ratio left out; NaN where there are none.

    Forms and settings of the belief stay. Its prediction is linear in the losses then, so a group of runs is left out by (I - S)⁻¹ times its residuals,
    with the group's block S of the smoother.
    """
    evidence = belief.evidence
    look = belief.look(evidence.points.shares)
    residuals, smoother = evidence.losses - look.mean, look.smoother
    errors = np.full(len(ratios), np.nan)
    for number, ratio in enumerate(ratios):
        rows = np.flatnonzero(np.abs(evidence.points.shares - ratio).max(axis=1) < 1e-8)
        if len(rows):
            left_out = np.eye(len(rows)) - smoother[np.ix_(rows, rows)]
            errors[number] = np.linalg.lstsq(left_out, residuals[rows], rcond=None)[0].mean()
    return errors
