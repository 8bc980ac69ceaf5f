"""Trivial guesses of a loss. A law that predicts held-out losses worse than one of these says nothing that the table does not."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mix.laws.law import Evidence

Array = NDArray[np.float64]
Guess = Callable[[Evidence, Evidence], Array]
"""From the rows to learn from, and the rows to predict, whose losses are not read, to float64[n]."""

_SAME_DISTANCE = 1e-9


def nearest(known: Evidence, wanted: Evidence) -> Array:
    """Carry the nearest evidence over: an earlier row of the same run; else the rows of the nearest shares, of these the nearest model size, of these
    the nearest number of tokens. The mean of rows that are equally near."""
    return np.array([_nearest_loss(known, wanted, row) for row in range(len(wanted))])


def _nearest_loss(known: Evidence, wanted: Evidence, row: int) -> float:
    here = wanted.points.take(np.array([row]))
    distances = (
        (known.run != wanted.run[row]).astype(np.float64),
        np.abs(known.points.shares - here.shares).sum(axis=1),
        _log_distance(known.points.parameters, here.parameters),
        _log_distance(known.points.tokens, here.tokens),
    )
    rows = np.arange(len(known))
    for distance in distances:
        rows = rows[distance[rows] <= distance[rows].min() + _SAME_DISTANCE]
    return float(known.losses[rows].mean())


def _log_distance(known: Array, here: Array) -> Array:
    """Distances of the logarithms; unknown numbers are 0 away."""
    return np.nan_to_num(np.abs(np.log(known) - np.log(here)), nan=0.0)


def mean(known: Evidence, wanted: Evidence) -> Array:
    """The mean of all known losses."""
    return np.full(len(wanted), known.losses.mean())


def linear(known: Evidence, wanted: Evidence) -> Array:
    """Least squares: linear in the shares, and in log size and log tokens where they vary. The shortest coefficients where several fit equally."""
    columns = [known.points.shares, wanted.points.shares]
    for name in ("parameters", "tokens"):
        values, others = getattr(known.points, name), getattr(wanted.points, name)
        if not np.isnan(values).any() and not np.isnan(others).any() and np.ptp(np.log(values)) > 0:
            columns = [np.column_stack([columns[0], np.log(values)]), np.column_stack([columns[1], np.log(others)])]
    center, level = columns[0].mean(axis=0), known.losses.mean()
    slopes = np.linalg.lstsq(columns[0] - center, known.losses - level, rcond=1e-10)[0]
    return np.asarray(level + (columns[1] - center) @ slopes)


GUESSES: dict[str, Guess] = {"nearest": nearest, "mean": mean, "linear": linear}
"""Trivial guesses by name."""

WORDS = {"nearest": "carrying the nearest evidence over", "mean": "the mean loss", "linear": "a linear fit"}
"""What each guess is called in a sentence."""
