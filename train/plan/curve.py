"""The course of the learning rate as text."""

from collections.abc import Callable, Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """One character a value, or a mean of neighbours where there are more than `width`; the highest bar is the largest value."""
    n_cells = min(width, len(values))
    bounds = [round(cell * len(values) / n_cells) for cell in range(n_cells + 1)] if n_cells else []
    cells = [sum(values[first:stop]) / (stop - first) for first, stop in pairwise(bounds)]
    top = max(cells, default=0.0)
    return "".join(_BARS[min(len(_BARS) - 1, int(len(_BARS) * cell / top)) if top > 0 else 0] for cell in cells)


def turning_points(lr_of: Callable[[int], float], n_steps: int, marks: Sequence[int] = ()) -> dict[int, float]:
    """Step (from 1) → learning rate: the first and last step, the steps of `marks`, and the first and last step
    of the highest rate.
    """
    values = [lr_of(step) for step in range(1, n_steps + 1)]
    top = max(values)
    steps = {1, n_steps, values.index(top) + 1, n_steps - values[::-1].index(top), *(mark for mark in marks if 1 <= mark <= n_steps)}
    return {step: values[step - 1] for step in sorted(steps)}
