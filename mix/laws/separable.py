"""Robust fits with bounds: sums of nonnegative coefficients times columns that depend on a few bounded parameters.

`mix.laws.projection` solves for the coefficients; a bounded parameter is a sigmoid of what is searched. Residuals are relative to the loss, which is
the error of its logarithm to first order, and their Huber loss is minimised by reweighting.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.projection import Projection
from mix.laws.projection import Solution as Projected

Array = NDArray[np.float64]
Columns = Callable[[Array], tuple[Array, Array]]
"""Bounded parameters float64[p] to columns float64[n, m] and their derivatives float64[p, n, m]."""

N_SCREENED = 160
"""Random starts whose cost alone is computed."""
N_SEARCHED = 6
"""Starts that the search goes on from: the best of the screened ones."""
N_REWEIGHTED = 3
"""Rounds of reweighting; one less from a given start, whose weights are nearly right. A round from the last optimum takes one to three steps."""
HUBER = 1.345
"""Residuals above this many robust standard deviations count linearly: 95% efficiency for normal errors (Huber 1964)."""
SMALLEST_NOISE = 1e-6
"""Relative residuals below this are rounding, not noise."""
TOLERANCE = 1e-8
MAX_EVALUATIONS = 40


@dataclass(frozen=True)
class Solution:
    """Constant and coefficients float64[m + 1], bounded parameters float64[p] and relative residuals float64[n] of the best fit."""

    coefficients: Array
    theta: Array
    residuals: Array


@dataclass(frozen=True)
class Bounded:
    """A basis of `mix.laws.projection` whose searched numbers may be any: float64[p] between `lower` and `upper` are their sigmoids."""

    of: Columns
    lower: Array
    upper: Array

    def theta(self, searched: Array) -> Array:
        """Parameters of searched numbers; these are cut at ±30, where the sigmoid is flat."""
        return self.lower + (self.upper - self.lower) / (1 + np.exp(-np.minimum(np.maximum(searched, -30), 30)))

    def searched(self, theta: Array) -> Array:
        """Searched numbers of parameters; one at its bound is moved inside, where the sigmoid has a slope."""
        inside = np.clip((theta - self.lower) / (self.upper - self.lower), 0.002, 0.998)
        return np.asarray(np.log(inside / (1 - inside)))

    def columns(self, theta: Array) -> Array:
        """float64[n, m]; `theta` are searched numbers."""
        return self.of(self.theta(theta))[0]

    def slope(self, theta: Array, columns: Array, linear: Array) -> Array:
        """float64[n, p]; `theta` are searched numbers."""
        inside = self.theta(theta)
        above = inside - self.lower
        change: Array = (self.of(inside)[1] @ linear).T * (above * (1 - above / (self.upper - self.lower)))
        return change


def solve(columns: Columns, lower: Array, upper: Array, losses: Array, *, seed: int, start: Array | None = None) -> Solution:
    """The best fit of a constant plus `columns` to `losses`, float64[n], all positive; constant and coefficients are at least 0.

    `lower` and `upper`, float64[p], bound the parameters. The search begins at the parameters `start` if they are given, else at random ones drawn with
    `seed`. Raises MixError for columns that are not finite.
    """
    basis = Bounded(columns, lower, upper)
    if not np.isfinite(columns((lower + upper) / 2)[0]).all():
        raise MixError("the law cannot be computed for these rows; are tokens, parameters and shares positive numbers?")
    projection = Projection(
        basis,
        losses,
        positive=np.ones(columns((lower + upper) / 2)[0].shape[1], bool),
        constant_positive=True,
        weights=1 / losses,
        tolerance=TOLERANCE,
        max_evaluations=MAX_EVALUATIONS,
    )
    if start is not None or not len(lower):
        found = projection.solution(np.zeros(0) if start is None else basis.searched(start))
    else:
        draws = np.random.default_rng(seed).uniform(0.02, 0.98, (N_SCREENED, len(lower)))
        found = projection.best(np.log(draws / (1 - draws)), n_searches=N_SEARCHED)
    for _ in range(N_REWEIGHTED if start is None else N_REWEIGHTED - 1):
        noise = float(np.median(np.abs(_relative(basis, found, losses)))) / 0.6745
        found = projection.robust(found, HUBER * max(noise, SMALLEST_NOISE), rounds=1)
    residuals = _relative(basis, found, losses)
    return Solution(np.append(found.constant, found.linear), basis.theta(found.theta), residuals)


def _relative(basis: Bounded, found: Projected, losses: Array) -> Array:
    return np.asarray(1 - (found.constant + basis.columns(found.theta) @ found.linear) / losses)


def standard_errors(columns: Columns, solution: Solution, losses: Array) -> tuple[Array, Array]:
    """Standard errors of constant and coefficients, float64[m + 1], and of the bounded parameters, float64[p]; infinite where no row resolves them.

    From the Jacobian at the solution and the residuals. Without residual degrees of freedom, relative errors of 0.1% are assumed.
    """
    values, derivatives = columns(solution.theta)
    linear = np.column_stack([np.ones(len(losses)), values])
    jacobian = np.column_stack([linear, (derivatives @ solution.coefficients[1:]).T]) / losses[:, None]
    n, n_free = jacobian.shape
    noise = np.sqrt(float(solution.residuals @ solution.residuals) / (n - n_free)) if n > n_free else 1e-3
    lengths = np.linalg.norm(jacobian, axis=0)
    scaled = jacobian / np.where(lengths > 0, lengths, 1)
    _, resolved, directions = np.linalg.svd(scaled, full_matrices=True)
    singular = np.append(resolved, np.zeros(n_free - len(resolved)))[:, None]
    with np.errstate(divide="ignore"):
        spread = np.where(directions**2 > 1e-12, directions**2, 0) / np.maximum(singular, 1e-12) ** 2
        errors = np.where(lengths > 0, np.sqrt(spread.sum(axis=0)) * max(noise, SMALLEST_NOISE) / lengths, np.inf)
    return errors[: linear.shape[1]], errors[linear.shape[1] :]
