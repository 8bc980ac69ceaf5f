"""The critical mixture ratio from curves along runs (arXiv 2407.17467): losses of domain and general text, as changes from the base, against tokens T."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.laws.power import STEEPEST, Power, fit_power, powered, powered_slope
from mix.laws.projection import Projection
from mix.laws.separable import Bounded

Array = NDArray[np.float64]

GENERAL_TOLERANCE = 0.05
"""Largest rise of the general loss, in nats a token, that the paper calls feasible."""


@dataclass(frozen=True)
class TwoPowers:
    """level + slopes[0]·(T^s[0] − 1)/s[0] + slopes[1]·(T^s[1] − 1)/s[1]: a general loss that first rises and then falls, or the reverse."""

    level: float
    slopes: tuple[float, float]
    s: tuple[float, float]

    def at(self, t: Array) -> Array:
        """float64[n]: the change of loss at tokens t, float64[n]."""
        return self.level + self.slopes[0] * powered(t, self.s[0]) + self.slopes[1] * powered(t, self.s[1])

    def rate(self, t: Array) -> Array:
        """float64[n]: its derivative by t."""
        return np.asarray(self.slopes[0] * t ** (self.s[0] - 1) + self.slopes[1] * t ** (self.s[1] - 1))


@dataclass(frozen=True)
class RunCurves:
    """Changes of the domain's and of the general loss from the base along one run; tokens in any one unit, losses in nats a token or bits per byte."""

    domain: Power
    general: TwoPowers

    @classmethod
    def fit(cls, tokens: Array, domain: Array, general: Array) -> "RunCurves":
        """The paper's curves through changes of loss, float64[n] each, at tokens float64[n] above 0.

        ΔL_domain = alpha1·T^s1 + beta1; ΔL_general = alpha2·T^s2 + alpha3·T^s3 + beta2. Raises MixError for fewer than 6 distinct tokens.
        """
        if len(np.unique(tokens)) < 6 or (tokens <= 0).any():
            raise MixError(f"curves of a critical mixture ratio need 6 evaluations along each run, at tokens above 0; there are {len(np.unique(tokens))}")
        return cls(fit_power(tokens, domain), _fit_two_powers(tokens, general))

    def turning_points(self, multiplier: float, t_max: float) -> Array:
        """All T0 in (0, t_max] where the general loss rises by 1/multiplier for each unit that the domain's loss falls, float64[m], ascending.

        The paper states T0 implicitly: d general/d domain = −1/multiplier. Roots are bracketed on a fine logarithmic grid and refined.
        """
        from scipy.optimize import brentq

        def condition(t: float) -> float:
            return float(multiplier * self.general.rate(np.array(t)) + self.domain.rate(np.array(t)))

        grid = t_max * np.geomspace(1e-6, 1, 400)
        values = multiplier * self.general.rate(grid) + self.domain.rate(grid)
        falls = np.sign(values[:-1]) * np.sign(values[1:]) < 0
        roots = [brentq(condition, grid[i], grid[i + 1], xtol=1e-12 * t_max) for i in np.flatnonzero(falls)]
        exact = grid[values == 0].tolist()
        return np.array(sorted(roots + exact))

    def is_feasible(self, multiplier: float, t_max: float, tolerance: float = GENERAL_TOLERANCE) -> bool:
        """Whether the run has a turning point by t_max, the domain's loss has fallen there and the general loss has risen by at most `tolerance`."""
        end = np.array([t_max])
        affordable = bool(self.domain.at(end)[0] < 0 and self.general.at(end)[0] <= tolerance)
        return affordable and len(self.turning_points(multiplier, t_max)) > 0


def critical_ratio(runs: Mapping[float, RunCurves], multiplier: float, t_max: float, tolerance: float = GENERAL_TOLERANCE) -> float | None:
    """The largest share of the domain whose run is feasible; None if no run is. `runs` maps shares to curves."""
    feasible = [share for share, curves in runs.items() if curves.is_feasible(multiplier, t_max, tolerance)]
    return max(feasible, default=None)


def fit_critical_ratio(tokens: Array, ratios: Array) -> Power:
    """The paper's R(T) = alpha4·T^s4 + beta3 through critical ratios, float64[n], at tokens float64[n]. Raises MixError for fewer than 3."""
    return fit_power(tokens, ratios)


def _fit_two_powers(tokens: Array, change: Array) -> TwoPowers:
    """Least squares over both exponents, levels and slopes projected out; the first exponent is the smaller one."""

    def columns(theta: Array) -> tuple[Array, Array]:
        first, second = float(theta[0]), float(theta[0] + theta[1])
        zero, by_first, by_second = np.zeros(len(tokens)), powered_slope(tokens, first), powered_slope(tokens, second)
        values = np.column_stack([powered(tokens, first), powered(tokens, second)])
        return values, np.stack([np.column_stack([by_first, by_second]), np.column_stack([zero, by_second])])

    basis = Bounded(columns, np.array([-STEEPEST, 0.05]), np.array([STEEPEST, STEEPEST]))
    starts = [basis.searched(np.array([first, gap])) for first in (-2.0, -1.0, -0.3, 0.3, 1.0) for gap in (0.3, 1.0, 2.0)]
    found = Projection(basis, change, max_evaluations=60).best(starts, n_searches=4)
    first, gap = basis.theta(found.theta).tolist()
    return TwoPowers(found.constant, (float(found.linear[0]), float(found.linear[1])), (first, first + gap))
