"""What no form of law explains: a Gaussian process over shares on top of a form's tangent space, with its settings averaged over a grid."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Array = NDArray[np.float64]

OFFSETS = (0.03, 0.3)
"""A share r enters as log(1 + r / offset): losses change fastest near a share of 0, over shares of this size."""
LENGTHS = (0.3, 0.6, 1.2)
"""Length scales in transformed shares, which lie within 0 and 1."""
RATIOS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Standard deviation of the process over that of the noise."""

_PRIOR_RATIO = 0.5
"""Scale of the half-Cauchy prior of the ratio, chosen on simulated runs (`benchmarks.suggest`, seeds 5000 and above): at 1, intervals were too wide."""

_FLAT = 1e4  # prior variance of the tangent's coordinates over that of the noise: they are near their least-squares values already


@dataclass(frozen=True)
class Setting:
    """One point of the grid, with its prior weight: half-Cauchy in the ratio, uniform in the others."""

    offset: float
    length: float
    ratio: float
    log_prior: float


@lru_cache
def settings() -> tuple[Setting, ...]:
    """The grid. A ratio of 0 has neither offset nor length."""
    found = [Setting(OFFSETS[0], LENGTHS[0], 0.0, float(np.log(_mass(0, RATIOS[1] / 2**0.5))))]
    n_shapes = len(OFFSETS) * len(LENGTHS)
    for offset, length, ratio in product(OFFSETS, LENGTHS, RATIOS[1:]):
        found.append(Setting(offset, length, ratio, float(np.log(_mass(ratio / 2**0.5, ratio * 2**0.5) / n_shapes))))
    return tuple(found)


def _mass(low: float, high: float) -> float:
    """Prior probability that the ratio is between two values."""
    return float(2 / np.pi * (np.arctan(high / _PRIOR_RATIO) - np.arctan(low / _PRIOR_RATIO)))


@dataclass(frozen=True)
class Fitted:
    """The process of one setting, given n losses.

    `weights` is float64[n], the solution of the covariance (over the noise's variance) for the residuals; `inverse` is float64[n, n], that
    covariance's inverse. `variance` is the noise's, with `freedom` degrees of freedom. `log_evidence` is the log marginal likelihood, restricted
    to what the tangent leaves free, and `log_held_out` the log density of each group's losses given all other groups'.
    """

    setting: Setting
    inverse: Array
    weights: Array
    variance: float
    freedom: float
    log_evidence: float
    log_held_out: Array


def similarity(a: Array, b: Array, setting: Setting) -> Array:
    """float64[n, m]: Matérn 5/2 correlation between shares float64[n, k] and float64[m, k]."""
    if setting.ratio == 0:
        return np.zeros((len(a), len(b)))
    za, zb = (np.log1p(np.maximum(x, 0) / setting.offset) / np.log1p(1 / setting.offset) for x in (a, b))
    squares = np.maximum((za**2).sum(1)[:, None] + (zb**2).sum(1)[None, :] - 2 * za @ zb.T, 0)
    distance = np.sqrt(5 * squares) / setting.length
    return np.asarray((1 + distance + distance**2 / 3) * np.exp(-distance))


def covariance(a: Array, b: Array, tangent_a: Array, tangent_b: Array, setting: Setting) -> Array:
    """float64[n, m]: prior covariance over the noise's variance; tangents are float64[n, p] and float64[m, p] in orthonormal coordinates."""
    return np.asarray(setting.ratio**2 * similarity(a, b, setting) + _FLAT * tangent_a @ tangent_b.T)


def covariance_diagonal(tangent: Array, setting: Setting) -> Array:
    """float64[n]: the diagonal of `covariance` of n shares with themselves."""
    return np.asarray(setting.ratio**2 + _FLAT * (tangent**2).sum(1))


def fit_process(shares: Array, residuals: Array, tangent: Array, groups: NDArray[np.int64], known_variance: tuple[float, float]) -> Iterator[Fitted]:
    """The process at each setting of the grid, given residuals float64[n] of a form with this tangent, float64[n, p] with orthonormal columns.

    `groups` numbers the ratio of each row; `known_variance` is the noise's variance as known from elsewhere and its degrees of freedom (0 for none).
    """
    n = len(residuals)
    known, known_freedom = known_variance
    freedom = n - tangent.shape[1] + known_freedom
    floor = 1e-18 + 1e-12 * float(np.square(residuals).sum())
    for setting in settings():
        matrix = covariance(shares, shares, tangent, tangent, setting) + np.eye(n)
        inverse = np.asarray(np.linalg.inv(matrix), np.float64)
        weights = inverse @ residuals
        squares = float(residuals @ weights) + known_freedom * known + floor
        variance = squares / freedom
        log_evidence = -0.5 * np.linalg.slogdet(matrix)[1] - 0.5 * freedom * np.log(squares) + setting.log_prior
        held_out = _log_held_out(inverse, weights, variance, freedom, groups)
        yield Fitted(setting, inverse, weights, variance, freedom, float(log_evidence), held_out)


def _log_held_out(inverse: Array, weights: Array, variance: float, freedom: float, groups: NDArray[np.int64]) -> Array:
    """float64[g]: log density of each group's losses given the others (Rasmussen and Williams 2006, 5.4.2, for groups), as a multivariate t.

    The noise's variance comes from the other groups alone.
    """
    sizes = np.bincount(groups)
    volume, within = np.log(np.diag(inverse)), weights**2 / np.diag(inverse)  # of rows that are groups by themselves
    log_volume, squared = np.bincount(groups, volume), np.bincount(groups, within)
    for group in np.flatnonzero(sizes > 1):
        rows = np.flatnonzero(groups == group)
        block = inverse[np.ix_(rows, rows)]
        log_volume[group] = np.linalg.slogdet(block)[1]
        squared[group] = weights[rows] @ np.linalg.solve(block, weights[rows])
    others = np.maximum(freedom - sizes, 1.0)
    squares = np.maximum(freedom * variance - squared, 1e-6 * freedom * variance)
    log_scale = sizes * np.log(np.pi * squares) - log_volume
    return np.asarray(gammaln((others + sizes) / 2) - gammaln(others / 2) - 0.5 * log_scale - (others + sizes) / 2 * np.log1p(squared / squares))
