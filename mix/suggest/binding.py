"""What holds an optimum back: budgets, bounds, the hull of the evidence, the prior."""

import numpy as np
from numpy.typing import NDArray

from mix.suggest.beliefs import Beliefs
from mix.suggest.choose import divergence, kept, target_mean
from mix.suggest.hull import outside_of
from mix.suggest.request import Request
from mix.suggest.suggestion import Binding

Array = NDArray[np.float64]

_NEAR = 1e-3
"""Largest distance of a share from a bound that it touches."""
_SPARE = 0.01
"""A budget whose probability is at most this much above the wanted one binds."""
_STEP = 0.02
"""Length of the steps, as a share, that look for something better beyond the hull or nearer to the optimum without a prior."""


def binding_of(request: Request, beliefs: Beliefs, shares: Array, strength: float) -> tuple[Binding, ...]:
    """Constraints that float64[k] `shares` touch. The hull binds if a small step out of it is predicted to be better and otherwise allowed; the prior,
    if a small allowed step inside would be better without it."""
    found = []
    for name, chance in kept(request, beliefs, beliefs.look(shares[None])).items():
        if chance[0] < request.confidence + _SPARE:
            found.append(Binding("budget", name, request.budget[name]))
    for i, name in enumerate(request.sources):
        if shares[i] < request.lower[i] + _NEAR and request.lower[i] > 0:
            found.append(Binding("lower", name, float(request.lower[i])))
        if shares[i] > request.upper[i] - _NEAR and request.upper[i] < 1:
            found.append(Binding("upper", name, float(request.upper[i])))
    steps = _allowed_steps(request, shares)
    outside = np.array([outside_of(beliefs.ratios, step)[0] > 0 for step in steps], bool)
    better = _is_better(request, beliefs, shares, steps)
    if not request.extrapolate and (better & outside).any():
        found.append(Binding("hull", "", float("nan")))
    if strength > 0 and (better & ~outside & (divergence(steps, request.prior) > divergence(shares[None], request.prior))).any():
        found.append(Binding("prior", "", float("nan")))
    return tuple(found)


def _allowed_steps(request: Request, shares: Array) -> Array:
    """float64[m, k]: the shares with a little moved from one source to another, within the bounds."""
    k = len(shares)
    moves = [_STEP * (np.eye(k)[to] - np.eye(k)[start]) for start in range(k) for to in range(k) if start != to]
    steps = shares + np.array(moves).reshape(-1, k)
    return np.asarray(steps[((steps >= request.lower) & (steps <= request.upper)).all(axis=1)])


def _is_better(request: Request, beliefs: Beliefs, shares: Array, steps: Array) -> NDArray[np.bool_]:
    """bool[m]: whether a step lowers the expected target and keeps every budget with the wanted probability."""
    if not len(steps):
        return np.zeros(0, bool)
    with np.errstate(all="ignore"):  # beyond the hull some forms have no finite loss
        looks = beliefs.look(steps)
        better = target_mean(request, looks) < target_mean(request, beliefs.look(shares[None]))[0]
        for chance in kept(request, beliefs, looks).values():
            better &= chance >= request.confidence
    return np.asarray(better)
