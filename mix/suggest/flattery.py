"""The optimizer's curse: how much a predicted optimum is too good, because errors of the prediction are part of why it was chosen."""

import numpy as np
from numpy.typing import NDArray

from mix.suggest.beliefs import Beliefs
from mix.suggest.choose import divergence, kept, target_mean
from mix.suggest.request import Request

Array = NDArray[np.float64]

_N_DRAWS = 400


def flattery_of(request: Request, beliefs: Beliefs, shares: Array, strength: float) -> dict[str, float]:
    """By domain: the estimated amount by which its expected loss at the chosen optimum is too low, in the unit of the loss.

    A parametric bootstrap: the belief is taken for the truth, new losses are drawn at the evidence's ratios, the belief is formed again (it is linear
    in the losses while forms and settings stay), and the optimum of the target among float64[m, k] `shares` that keep the budgets is chosen again.
    The average of truth minus prediction there is the flattery (Smith and Winkler 2006, The optimizer's curse). 0 if no ratio keeps the budgets.
    """
    looks = beliefs.look(shares)
    allowed = np.ones(len(shares), bool)
    for chance in kept(request, beliefs, looks).values():
        allowed &= chance >= request.confidence
    if not allowed.any():
        return dict.fromkeys(request.domains, 0.0)
    objective = (target_mean(request, looks) + (strength * divergence(shares, request.prior) if strength else 0.0))[allowed]
    random = np.random.default_rng(request.seed)
    errors = {}
    for name in request.domains:
        smoother = looks[name].smoother[allowed]
        errors[name] = beliefs.domains[name].noise * random.standard_normal((_N_DRAWS, smoother.shape[1])) @ smoother.T
    total = sum(request.target.values())
    chosen = np.argmin(objective + sum(weight / total * errors[name] for name, weight in request.target.items()), axis=1)
    return {name: -float(error[np.arange(_N_DRAWS), chosen].mean()) for name, error in errors.items()}
