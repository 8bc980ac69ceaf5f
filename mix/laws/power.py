"""The curve y = alpha·x^s + beta, through s = 0, where it is a logarithm."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.projection import Projection
from mix.laws.separable import Bounded

Array = NDArray[np.float64]

STEEPEST = 4.0
"""Largest |s| that is searched."""
STARTS = np.linspace(-0.9, 0.9, 13)
SMALLEST = 1e-8
"""|s| below this is a logarithm."""


@dataclass(frozen=True)
class Power:
    """y = level + slope·(x^s − 1)/s, in the paper's terms alpha = slope/s and beta = level − slope/s; level + slope·ln x where s is 0."""

    level: float
    slope: float
    s: float

    @classmethod
    def of(cls, alpha: float, s: float, beta: float) -> "Power":
        """The curve alpha·x^s + beta."""
        return cls(alpha + beta, alpha * s, s)

    def at(self, x: Array) -> Array:
        """float64[n]: y at x, float64[n]; infinite or NaN at 0 where s is not above 0."""
        return self.level + self.slope * powered(np.asarray(x, np.float64), self.s)

    def rate(self, x: Array) -> Array:
        """float64[n]: dy/dx at x > 0."""
        return np.asarray(self.slope * np.asarray(x, np.float64) ** (self.s - 1))


def powered(x: Array, s: float) -> Array:
    """(x^s − 1)/s, and ln x at s = 0; -infinity at x = 0 where s is not above 0."""
    with np.errstate(divide="ignore"):
        logs = np.log(x)
    return np.asarray(logs if abs(s) < SMALLEST else np.expm1(s * logs) / s)


def powered_slope(x: Array, s: float) -> Array:
    """Derivative of `powered` by s."""
    logs = np.log(np.maximum(x, 1e-300))
    if abs(s) < 1e-4:
        return logs**2 / 2 + s * logs**3 / 3
    return np.asarray((np.exp(s * logs) * (s * logs - 1) + 1) / s**2)


def fit_power(x: Array, y: Array) -> Power:
    """The least-squares curve through n ≥ 3 points, by variable projection: s is searched between ±4 and may change sign, the rest is linear.

    x is float64[n], at least 0; where one is 0, s is above 0. Plain least squares over all three parameters stalls as s tends to 0 (the published fits
    of arXiv 2407.17467 show it). Raises MixError for fewer than 3 distinct x.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if len(np.unique(x)) < 3:
        raise MixError(f"a power curve with offset needs 3 different points; there are {len(np.unique(x))}")
    lowest = 0.02 if (x == 0).any() else -STEEPEST

    def columns(theta: Array) -> tuple[Array, Array]:
        s = float(theta[0])
        return powered(x, s)[:, None], powered_slope(x, s)[None, :, None]

    basis = Bounded(columns, np.array([lowest]), np.array([STEEPEST]))
    starts = [basis.searched(np.array([lowest + (start + 1) / 2 * (STEEPEST - lowest)])) for start in STARTS]
    solution = Projection(basis, y).best(starts, n_searches=3)
    return Power(solution.constant, float(solution.linear[0]), float(basis.theta(solution.theta)[0]))
