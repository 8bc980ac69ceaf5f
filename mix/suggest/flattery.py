"""The optimizer's curse: how much a predicted optimum is too good, because errors of the prediction are part of why it was chosen."""

import numpy as np
from numpy.typing import NDArray

from mix.suggest.beliefs import Beliefs
from mix.suggest.choose import divergence, kept, target_mean
from mix.suggest.look import Look
from mix.suggest.request import Request

Array = NDArray[np.float64]

_N_DRAWS = 400


def flattery_of(request: Request, beliefs: Beliefs, shares: Array, strength: float) -> float:
    """Estimated amount by which the expected target at the chosen optimum is too low, in the unit of the loss, at least 0.

    A parametric bootstrap: the belief is taken for the truth, new losses are drawn at the evidence's ratios, the belief is formed again (it is linear
    in the losses while forms and settings stay), and the optimum among float64[m, k] `shares` that keep the budgets is chosen again. The average of
    prediction minus truth there is minus the flattery (Smith and Winkler 2006, The optimizer's curse).
    """
    looks = beliefs.look(shares)
    allowed = np.ones(len(shares), bool)
    for chance in kept(request, beliefs, looks).values():
        allowed &= chance >= request.confidence
    if not allowed.any():
        return 0.0
    objective = (target_mean(request, looks) + (strength * divergence(shares, request.prior) if strength else 0.0))[allowed]
    errors = target_errors(request, beliefs, looks)[:, allowed]
    chosen = np.argmin(objective + errors, axis=1)
    return max(0.0, -float(errors[np.arange(len(errors)), chosen].mean()))


def target_errors(request: Request, beliefs: Beliefs, looks: dict[str, Look]) -> Array:
    """float64[draws, m]: changes of the expected target when the evidence's runs are repeated with other seeds."""
    random = np.random.default_rng(request.seed)
    total = sum(request.target.values())
    errors = np.zeros((_N_DRAWS, len(next(iter(looks.values())).mean)))
    for name, weight in request.target.items():
        smoother = looks[name].smoother
        noise = beliefs.domains[name].noise * random.standard_normal((_N_DRAWS, smoother.shape[1]))
        errors += weight / total * noise @ smoother.T
    return errors
