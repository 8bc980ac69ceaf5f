"""Ratios that are statistically as good as the suggested one."""

import numpy as np
from numpy.typing import NDArray

from mix.suggest.beliefs import Beliefs
from mix.suggest.choose import divergence, kept, target_mean
from mix.suggest.request import Request
from mix.suggest.suggestion import Region

Array = NDArray[np.float64]

_N_EXAMPLES = 4


def region_of(request: Request, beliefs: Beliefs, best: Array, shares: Array, strength: float, n_draws: int = 400) -> Region:
    """Ratios among float64[m, k] `shares` that keep the budgets and whose target is not significantly above that of `best`, float64[k].

    The difference to `best` is drawn, not the two losses: what is uncertain in both alike does not count.
    """
    points = np.concatenate([best[None], shares])
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
