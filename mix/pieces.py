"""A stage's shares as linear pieces, the only form that the order of a mix uses.

Shares are weights divided by their sum. Where every weight is linear, pieces end where some weight bends or steps, and the shares are linear in
between: that is the definition of a linear ramp here. Where a weight is curved, the shares at any point are the weights there divided by their sum,
and pieces are halved until linear shares are within `TOLERANCE` of that.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.weights import Array, Weight, is_curved, knots, weight_at

TOLERANCE = 1e-4
"""Largest error of a share, a hundredth of a percentage point, while pieces are longer than `SHORTEST`."""
SHORTEST = 2.0**-16
"""Shortest piece that a curve is cut into, as a fraction of the stage. Only `sqrt`, infinitely steep at its beginning, reaches it: the error of its
first piece may be a thousandth of the share's change over the stage."""
_PROBES = 17


class Pieces(NamedTuple):
    """Consecutive pieces of one stage; shares sum to 1 at every point."""

    bounds: Array
    """(n_pieces + 1,): positions in the stage, from 0 to 1"""
    begin: Array
    """(n_pieces, n_sources): share at the beginning of each piece"""
    end: Array
    """(n_pieces, n_sources): share at its end"""
    error: float
    """largest difference measured between a share and its linear piece; 0 without curves"""


def pieces(weights: Sequence[Weight], factors: Array, fixed: Array) -> Pieces:
    """Pieces of a stage by source: `fixed` (n_sources,) shares, and the remainder divided by `weights` times `factors` (n_sources,).

    The sum of weights must be above 0 wherever `fixed` leaves a remainder.
    """

    def shares_at(x: Array, before: bool) -> Array:
        weighed = np.stack([factor * weight_at(weight, x, before=before) for weight, factor in zip(weights, factors, strict=True)], axis=1)
        total = weighed.sum(axis=1, keepdims=True)
        return fixed + (1 - fixed.sum()) * weighed / np.where(total > 0, total, 1)

    bounds = np.unique([0.0, 1.0, *(position for weight in weights for position in knots(weight))])
    if any(map(is_curved, weights)):
        bounds = np.concatenate([[0.0], *(_halved(shares_at, low, high) for low, high in pairwise(bounds))])
        error = max(_error(shares_at, low, high) for low, high in pairwise(bounds))
    else:
        error = 0.0
    return Pieces(bounds, shares_at(bounds[:-1], False), shares_at(bounds[1:], True), error)


def _halved(shares_at: Callable[[Array, bool], Array], low: float, high: float) -> NDArray[np.float64]:
    """Ends of the pieces of [low, high], the last of them `high`."""
    if high - low <= 2 * SHORTEST or _error(shares_at, low, high) <= TOLERANCE:
        return np.array([high])
    middle = (low + high) / 2
    return np.concatenate([_halved(shares_at, low, middle), _halved(shares_at, middle, high)])


def _error(shares_at: Callable[[Array, bool], Array], low: float, high: float) -> float:
    along = np.linspace(0, 1, _PROBES)[1:-1, None]
    begin, end = shares_at(np.array([low]), False), shares_at(np.array([high]), True)
    return float(np.abs(shares_at(low + (high - low) * along[:, 0], False) - (begin + (end - begin) * along)).max())
