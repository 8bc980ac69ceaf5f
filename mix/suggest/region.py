"""Ratios that are statistically as good as the suggested one."""

import numpy as np
from numpy.typing import NDArray

from mix.suggest.beliefs import Beliefs
from mix.suggest.choose import divergence, kept, target_mean
from mix.suggest.request import Request
from mix.suggest.suggestion import Region

Array = NDArray[np.float64]

_N_EXAMPLES = 4
_STEPS = (0.005, 0.015, 0.05, 0.15, 0.4)
"""Parts of the way from the best ratio to others."""
_SAFER = (0.0, 0.01, 0.03, 0.1)
"""Parts of the way from there to the ratio that keeps the budgets best: where a budget binds, most ways lead out of it."""
_N_DIRECTIONS = 60


def region_of(request: Request, beliefs: Beliefs, best: Array, shares: Array, strength: float, n_draws: int = 400) -> Region:
    """Ratios among float64[m, k] `shares`, and on the way to them, that keep the budgets and whose target is not significantly above that of `best`,
    float64[k]. The shares lie in a convex set with `best`, and so does what is between.

    The difference to `best` is drawn, not the two losses: what is uncertain in both alike does not count.
    """
    chances = kept(request, beliefs, beliefs.look(shares))
    safest = shares[int(np.argmax(np.min(list(chances.values()), axis=0)))] if chances else best
    near = np.concatenate([best + step * (shares[:_N_DIRECTIONS] - best) for step in _STEPS])
    points = np.concatenate([best[None], shares, *(near + part * (safest - near) for part in _SAFER)])
    looks = beliefs.look(points)
    objective = target_mean(request, looks) + (strength * divergence(points, request.prior) if strength else 0.0)
    total = sum(request.target.values())
    variance = sum((weight / total) ** 2 * beliefs.domains[name].difference_variance(points, best) for name, weight in request.target.items())
    good = objective - objective[0] <= 1.96 * np.sqrt(variance)
    for chance in kept(request, beliefs, looks).values():
        good &= chance >= request.confidence
    good[0] = True
    inside = points[good]
    return Region(inside.min(axis=0), inside.max(axis=0), far_apart(inside, best, _N_EXAMPLES))


def far_apart(points: Array, first: Array, n: int) -> Array:
    """float64[at most n, k]: points that are furthest from `first` and from each other, by the largest difference of a share."""
    chosen: list[Array] = []
    nearest = np.abs(points - first).max(axis=1)
    while len(chosen) < n and nearest.max(initial=0.0) > 1e-3:
        furthest = int(np.argmax(nearest))
        chosen.append(points[furthest])
        nearest = np.minimum(nearest, np.abs(points - points[furthest]).max(axis=1))
    return np.array(chosen).reshape(-1, points.shape[1])
