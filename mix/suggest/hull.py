"""The allowed shares: inside the bounds and, unless extrapolation is allowed, inside the convex hull of the evidence."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from mix.errors import MixError
from mix.suggest.request import Request

Array = NDArray[np.float64]

_ROUNDING = 1e-7
_DIRECTIONS = 12  # random directions for each source in which extreme points are looked for


@dataclass(frozen=True)
class Allowed:
    """A convex set of shares, given by float64[v, k] of its extreme points: every mixture of them is allowed."""

    extremes: Array

    def candidates(self, n: int, seed: int) -> Array:
        """float64[about n, k]: the extreme points, their centre, points on the lines between them, and mixtures of all."""
        v = len(self.extremes)
        if v == 1:
            return self.extremes
        if v == 2:
            steps = np.linspace(0, 1, n)[:, None]
            return np.asarray(self.extremes[0] + steps * (self.extremes[1] - self.extremes[0]))
        random = np.random.default_rng(seed)
        few, many = random.dirichlet(np.full(v, 1.5 / v), n // 2), random.dirichlet(np.full(v, 5.0 / v), n // 2)
        mixtures = np.concatenate([few, many]) @ self.extremes
        return np.concatenate([self.extremes, self.extremes.mean(axis=0, keepdims=True), mixtures])


def outside_of(ratios: Array, shares: Array) -> tuple[float, Array]:
    """How far float64[k] shares are outside the convex hull of float64[n, k] ratios, and the nearest shares inside.

    The distance is the largest difference of one source's share, 0 inside.
    """
    n, k = ratios.shape
    columns = np.concatenate([ratios.T, -ratios.T])
    upper = np.hstack([columns, -np.ones((2 * k, 1))])
    found = linprog(np.r_[np.zeros(n), 1.0], A_ub=upper, b_ub=np.r_[shares, -shares], A_eq=np.r_[np.ones(n), 0.0][None, :], b_eq=[1.0], method="highs")
    if found.status != 0:
        raise MixError(f"the distance to the runs could not be computed: {found.message}")
    distance = float(found.x[-1])
    return (0.0, shares) if distance < _ROUNDING else (distance, np.asarray(found.x[:-1] @ ratios))


def allowed_shares(request: Request, ratios: Array) -> Allowed:
    """What the request allows, given the distinct ratios of the evidence, float64[n, k].

    Raises MixError if bounds and caps leave nothing inside the hull; it says how far outside they force the shares.
    """
    low, high = request.lower, request.upper
    inside = ((ratios >= low - _ROUNDING) & (ratios <= high + _ROUNDING)).all(axis=1)
    if not request.extrapolate and inside.all():
        return Allowed(ratios)
    corners = np.eye(len(low)) if request.extrapolate else ratios
    random = np.random.default_rng(request.seed)
    k = len(low)
    directions = np.concatenate([np.eye(k), -np.eye(k), random.standard_normal((_DIRECTIONS * k, k))])
    found = [_furthest(corners, direction, low, high) for direction in directions]
    extremes = [point for point in found if point is not None]
    if not extremes:
        raise MixError(_excluded(ratios, request))
    return Allowed(np.unique(np.round(extremes, 12).clip(0, 1), axis=0))  # the solver leaves shares a little below 0, which no law takes


def _furthest(corners: Array, direction: Array, low: Array, high: Array) -> Array | None:
    """The mixture of `corners` within the bounds that goes furthest in a direction; None if none is within the bounds."""
    upper = np.concatenate([corners.T, -corners.T])
    n = len(corners)
    found = linprog(-(corners @ direction), A_ub=upper, b_ub=np.r_[high + 1e-12, -low + 1e-12], A_eq=np.ones((1, n)), b_eq=[1.0], method="highs")
    return None if found.status != 0 else np.asarray(found.x @ corners)


def _excluded(ratios: Array, request: Request) -> str:
    """Which bound lies furthest outside the runs."""
    gaps = [(low - ratios[:, i].max(), name, f"at least {low:.4g}") for i, (name, low) in enumerate(zip(request.sources, request.lower, strict=True))]
    gaps += [(ratios[:, i].min() - high, name, f"at most {high:.4g}") for i, (name, high) in enumerate(zip(request.sources, request.upper, strict=True))]
    gap, name, bound = max(gaps)
    if gap <= 0:
        return "the bounds leave no ratio inside the convex hull of the runs; widen them, add runs, or allow extrapolation"
    return f"the bound of {name}, {bound}, is {gap:.3g} outside the runs; add runs there, or allow extrapolation"
