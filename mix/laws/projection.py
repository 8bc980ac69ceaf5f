"""Variable projection: least squares over the nonlinear parameters of a law, with its linear parameters solved for at each step.

A law is c + Σ_m a_m φ_m(x; θ). For given θ the best c and a are a linear least-squares solution, so only θ is searched. The search has fewer dimensions,
needs no starts for c and a, and does not stall in valleys where they trade off against each other (Golub & Pereyra 1973). The optimiser is MINPACK's
Levenberg–Marquardt with the Jacobian of Kaufman (1975), whose gradient is exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MAX_EVALUATIONS = 300
_TOLERANCE = 1e-10


class Basis(Protocol):
    """The functions φ of a law over n rows, with m linear and p nonlinear parameters."""

    def columns(self, theta: Array) -> Array:
        """float64[n, m]: φ at `theta`, without the constant."""
        ...

    def slope(self, theta: Array, columns: Array, linear: Array) -> Array:
        """float64[n, p]: derivative of Σ_m linear[m] φ_m by `theta`. `columns` is what `columns` gave for this `theta`."""
        ...


@dataclass(frozen=True)
class Solution:
    """A law's parameters at a minimum. `linear` is float64[m] and `constant` is c; `cost` is the sum of squared (weighted) residuals."""

    theta: Array
    constant: float
    linear: Array
    cost: float


class Projection:
    """Least squares of `losses` float64[n] on a basis.

    `weights` float64[n] multiply residuals. A linear parameter whose entry in `positive` (bool[m]) is true is kept at or above zero.
    """

    def __init__(self, basis: Basis, losses: Array, *, positive: NDArray[np.bool_] | None = None, weights: Array | None = None):
        self.basis = basis
        self.weights = np.ones(len(losses)) if weights is None else weights
        self.weighted = losses * self.weights
        self.positive = positive
        self._at: tuple[bytes, Any] = (b"", None)

    def solve(self, theta: Array) -> tuple[Array, Array, Array, Array]:
        """Columns float64[n, m], orthonormal basis of those in use float64[n, ≤ m + 1], linear parameters float64[m + 1], residuals float64[n].

        The constant is the first linear parameter.
        """
        key = theta.tobytes()
        if self._at[0] != key:
            self._at = (key, self._solve(theta))
        return self._at[1]  # type: ignore[no-any-return]

    def _solve(self, theta: Array) -> tuple[Array, Array, Array, Array]:
        columns = self.basis.columns(theta)
        design = np.empty((len(self.weighted), columns.shape[1] + 1))
        design[:, 0] = self.weights
        design[:, 1:] = columns * self.weights[:, None]
        used = np.arange(design.shape[1])
        linear = np.zeros(design.shape[1])
        while True:
            q, r = np.linalg.qr(design[:, used])
            diagonal = np.abs(r.diagonal())
            sound = diagonal > 1e-12 * max(float(diagonal.max()), 1e-300)
            if not sound.all():
                used = used[sound]
                continue
            target = q.T @ self.weighted
            values = np.linalg.solve(r, target)
            if self.positive is None:
                break
            negative = (used > 0) & (values < 0) & self.positive[np.maximum(used, 1) - 1]
            if not negative.any():
                break
            worst = np.argmin(np.where(negative, values * diagonal, np.inf))
            used = np.delete(used, worst)
        linear[used] = values
        return columns, q, linear, self.weighted - q @ target

    def residuals(self, theta: Array) -> Array:
        """float64[n]: weighted losses less the best fit at `theta`."""
        return self.solve(theta)[3]

    def jacobian(self, theta: Array) -> Array:
        """float64[p, n]: Kaufman's derivative of the residuals by `theta`, transposed as MINPACK takes it."""
        columns, q, linear, _ = self.solve(theta)
        slope = self.basis.slope(theta, columns, linear[1:]) * self.weights[:, None]
        return (q @ (q.T @ slope) - slope).T

    def cost(self, theta: Array) -> float:
        """Sum of squared residuals."""
        residuals = self.residuals(theta)
        return float(residuals @ residuals)

    def search(self, start: Array) -> Solution:
        """The minimum that Levenberg–Marquardt reaches from `start` float64[p]."""
        from scipy.optimize import leastsq

        theta = leastsq(
            self.residuals,
            np.array(start, np.float64),
            Dfun=self.jacobian,
            col_deriv=True,
            full_output=True,
            ftol=_TOLERANCE,
            xtol=_TOLERANCE,
            gtol=0.0,
            maxfev=_MAX_EVALUATIONS,
        )[0]
        return self.solution(np.atleast_1d(theta))

    def solution(self, theta: Array) -> Solution:
        """The linear parameters and the cost at `theta`."""
        _, _, linear, residuals = self.solve(theta)
        return Solution(theta, float(linear[0]), linear[1:], float(residuals @ residuals))

    def best(self, starts: Iterable[Array], *, n_searches: int) -> Solution:
        """The best minimum over the `n_searches` starts of lowest cost. Ties go to the earlier start, so the result is deterministic."""
        starts = list(starts)
        costs = np.array([self.cost(start) for start in starts])
        order = np.argsort(np.where(np.isfinite(costs), costs, np.inf), kind="stable")[:n_searches]
        return min((self.search(starts[index]) for index in order), key=lambda solution: solution.cost)
