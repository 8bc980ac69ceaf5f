"""Derivatives of a law's predictions by its parameters, by central differences."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def central_differences(curve: Callable[[Array], Array], parameters: Array) -> Array:
    """float64[n, p]: the derivative of `curve(parameters)`, float64[n], by each of float64[p] parameters.

    The step is the cube root of the machine's precision, relative to parameters above 1, which balances rounding against curvature.
    """
    columns = []
    for i, value in enumerate(parameters):
        step = np.cbrt(np.finfo(np.float64).eps) * max(1.0, abs(value))
        above, below = parameters.copy(), parameters.copy()
        above[i] += step
        below[i] -= step
        columns.append((curve(above) - curve(below)) / (above[i] - below[i]))
    return np.stack(columns, axis=1) if columns else np.zeros((len(curve(parameters)), 0))
