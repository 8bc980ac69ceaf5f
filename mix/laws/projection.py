"""Variable projection: least squares over the nonlinear parameters of a law, with its linear parameters solved for at each step.

A law is c + Σ_m a_m φ_m(x; θ). For given θ the best c and a are a linear least-squares solution, so only θ is searched. The search has fewer dimensions,
needs no starts for c and a, and does not stall in valleys where they trade off against each other (Golub & Pereyra 1973). The optimiser is MINPACK's
Levenberg–Marquardt with the Jacobian of Kaufman (1975), whose gradient is exact. Huber's loss is minimised by reweighting.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MAX_EVALUATIONS = 300
_TOLERANCE = 1e-10
_IMPOSSIBLE = 1e100
_MAX_REWEIGHTS = 30


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

    `weights` float64[n] multiply residuals. A linear parameter whose entry in `positive` (bool[m]) is true is kept at or above zero, and so is the
    constant if `constant_positive`. `ridge` times each nonlinear parameter is one more residual: a small one keeps parameters that no row resolves from
    running away. A search ends after `max_evaluations`, or when cost and parameters change by less than `tolerance`, relatively.
    """

    def __init__(
        self,
        basis: Basis,
        losses: Array,
        *,
        positive: NDArray[np.bool_] | None = None,
        constant_positive: bool = False,
        weights: Array | None = None,
        ridge: float = 0.0,
        tolerance: float = _TOLERANCE,
        max_evaluations: int = _MAX_EVALUATIONS,
    ):
        self.basis = basis
        self.weights = np.ones(len(losses)) if weights is None else weights
        self.weighted = losses * self.weights
        self.held = None if positive is None else np.append(constant_positive, positive)
        self.ridge = ridge
        self.tolerance = tolerance
        self.max_evaluations = max_evaluations
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
        if not np.isfinite(design).all():  # beyond floating point: a step that must not be taken
            nothing = np.zeros((len(design), 0))
            return columns, nothing, np.zeros(design.shape[1]), np.full(len(design), _IMPOSSIBLE)
        used = np.arange(design.shape[1])
        linear = np.zeros(design.shape[1])
        supported = False
        while True:
            q, r = np.linalg.qr(design[:, used])
            diagonal = np.abs(r.diagonal())
            sound = diagonal > 1e-12 * max(float(diagonal.max()), 1e-300)
            if not sound.all():
                used = used[sound]
                continue
            target = q.T @ self.weighted
            values = np.linalg.solve(r, target)
            if self.held is None or supported or not (values[self.held[used]] < 0).any():
                break
            used, supported = _support(design, self.weighted, self.held), True
        linear[used] = values
        return columns, q, linear, self.weighted - q @ target

    def residuals(self, theta: Array) -> Array:
        """float64[n], or float64[n + p] with a ridge: weighted losses less the best fit at `theta`."""
        residuals = self.solve(theta)[3]
        return np.concatenate([residuals, self.ridge * theta]) if self.ridge else residuals

    def jacobian(self, theta: Array) -> Array:
        """float64[p, n], or float64[p, n + p] with a ridge: Kaufman's derivative of the residuals by `theta`, transposed as MINPACK takes it."""
        columns, q, linear, _ = self.solve(theta)
        if not q.shape[1]:
            return np.zeros((len(theta), len(self.residuals(theta))))
        slope = self.basis.slope(theta, columns, linear[1:]) * self.weights[:, None]
        change: Array = (q @ (q.T @ slope) - slope).T
        return np.hstack([change, self.ridge * np.eye(len(theta))]) if self.ridge else change

    def cost(self, theta: Array) -> float:
        """Sum of squared residuals, the ridge's included."""
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
            ftol=self.tolerance,
            xtol=self.tolerance,
            gtol=0.0,
            maxfev=self.max_evaluations,
        )[0]
        return self.solution(np.atleast_1d(theta))

    def robust(self, found: Solution, threshold: float, *, rounds: int = _MAX_REWEIGHTS) -> Solution:
        """The minimum of Huber's loss near `found`: weighted residuals above `threshold` count linearly. `cost` becomes twice Huber's loss.

        It is reached in at most `rounds` of reweighting; the change from one round to the next shrinks by a constant factor.
        """
        weights, losses = self.weights, self.weighted / self.weights
        for _ in range(rounds):
            residuals = np.abs(found.constant + self.basis.columns(found.theta) @ found.linear - losses) * weights
            lowered = weights * np.sqrt(threshold / np.maximum(residuals, threshold))
            if np.abs(lowered - self.weights).max() <= 1e-6 * weights.max():
                break
            self._weigh(lowered, losses)
            found = self.search(found.theta)
        self._weigh(weights, losses)
        inside = np.minimum(residuals, threshold)
        return replace(found, cost=float((inside * (2 * residuals - inside)).sum()))

    def _weigh(self, weights: Array, losses: Array) -> None:
        self.weights, self.weighted, self._at = weights, losses * weights, (b"", None)

    def solution(self, theta: Array) -> Solution:
        """The linear parameters and the cost at `theta`."""
        _, _, linear, residuals = self.solve(theta)
        return Solution(theta, float(linear[0]), linear[1:], float(residuals @ residuals))

    def best(self, starts: Iterable[Array], *, n_searches: int) -> Solution:
        """The best minimum over the `n_searches` starts of lowest cost. Ties go to the earlier start, so the result is deterministic."""
        starts = list(starts)
        costs = np.array([self.cost(start) for start in starts])
        order = np.argsort(np.where(np.isfinite(costs), costs, np.inf), kind="stable")[:n_searches]
        return min((self.search(starts[index]) for index in order), key=lambda solution: self.cost(solution.theta))

    def spread(self, theta: Array, noise: float) -> Array:
        """float64[p]: standard errors of `theta` where residuals have standard deviation `noise`; infinite where no row resolves it."""
        jacobian = self.jacobian(theta)
        lengths = np.sqrt((jacobian**2).sum(axis=1))
        scaled = jacobian / np.maximum(lengths, 1e-300)[:, None]
        directions, singular, _ = np.linalg.svd(scaled, full_matrices=False)
        known = np.maximum(singular, 1e-8)
        return np.where(lengths > 0, noise * np.sqrt(((directions / known) ** 2).sum(axis=1)) / np.maximum(lengths, 1e-300), np.inf)


def _support(design: Array, target: Array, held: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Columns of `design` float64[n, m] with a coefficient other than zero in the least-squares fit that keeps those of `held` (bool[m]) above zero."""
    from scipy.optimize import nnls

    free, _ = np.linalg.qr(design[:, ~held])
    columns, rest = design[:, held] - free @ (free.T @ design[:, held]), target - free @ (free.T @ target)
    lengths = np.maximum(np.sqrt((columns**2).sum(axis=0)), 1e-300)
    kept = ~held
    try:
        kept[held] = nnls(columns / lengths, rest)[0] > 0
    except RuntimeError:  # nearly equal columns can make its active set cycle
        kept[held] = np.linalg.lstsq(columns / lengths, rest, rcond=1e-10)[0] > 0
    return np.flatnonzero(kept)
