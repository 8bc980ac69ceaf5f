"""Losses of larger models predicted from smaller ones, over a table of mixtures, model sizes and tokens."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.laws_figures import Figure
from mix.laws.additive import ADDITIVE, ADDITIVE_PRODUCT
from mix.laws.law import Evidence, Law, Points
from mix.runs.evidence import points_of
from mix.runs.read import read_columns, table_of

Array = NDArray[np.float64]

LARGEST_FITTED, FEWEST_TOKENS = 1e9, 4e9
"""Models below this size are fitted, from this number of tokens on."""
INNER = 700e6
"""Models between this size and the largest fitted one choose the form: each form is fitted to those below and judged there."""
_GAIN = 0.9
"""The product is taken if its inner error is below this share of that of the plain sum."""
PUBLISHED = 1.37
"""Mean relative error in % of our first fit of the additive law to the published table."""


def measure(path: Path) -> list[Figure]:
    """Mean relative error over all losses of models above 1e9 parameters.

    By the plain sum, or with the product if that predicts the inner held-out size clearly better.
    """
    points, losses = read(path)
    small = (points.parameters < LARGEST_FITTED) & (points.tokens >= FEWEST_TOKENS)
    large = points.parameters > LARGEST_FITTED
    inner = small & (points.parameters >= INNER)
    laws: tuple[Law, ...] = (ADDITIVE, ADDITIVE_PRODUCT)
    chosen = laws[0]
    if inner.any() and (small & ~inner).any():
        errors = {law.name: relative_errors(law, points, losses, small & ~inner, inner) for law in laws}
        means = {name: float(np.mean(list(by_domain.values()))) for name, by_domain in errors.items()}
        print("held-out size among the fitted ones: " + ", ".join(f"{name} {value:.2f}%" for name, value in means.items()))
        chosen = laws[1] if means[laws[1].name] < _GAIN * means[laws[0].name] else laws[0]
    by_domain = relative_errors(chosen, points, losses, small, large)
    carried = {name: 100 * float(np.nanmean(np.abs(carry(points, values, small, large) / values[large] - 1))) for name, values in losses.items()}
    error, trivial = (float(np.mean(list(each.values()))) for each in (by_domain, carried))
    print(f"{chosen.name}: fitted to {int(small.sum())} rows, {int(large.sum())} held out; " + ", ".join(f"{name} {e:.2f}%" for name, e in by_domain.items()))
    return [
        Figure("sizes_heldout", error, PUBLISHED, "<= 1.40 %", error <= 1.40),
        Figure("sizes_carried", trivial, 3.4, "nearest size carried over", True),
    ]


def read(path: Path) -> tuple[Points, dict[str, Array]]:
    """Points and float64[n] losses by domain. Each row counts for itself, whatever its run is called; equal rows count once."""
    columns, notes = read_columns(path)
    runs, more = table_of({name: values for name, values in columns.items() if name not in ("run", "step", "seed")}, str(path))
    runs = runs.take(~runs.is_base)
    numbers = np.column_stack([runs.shares, runs.number("n_parameters"), runs.number("tokens"), runs.losses])
    _, first = np.unique(numbers, axis=0, return_index=True)
    for note in [*notes, *more, *([f"{path}: {len(numbers) - len(first)} duplicate rows dropped"] if len(first) < len(numbers) else [])]:
        print(note)
    runs = runs.take(np.sort(first))
    return points_of(runs), dict(zip(runs.domains, runs.losses.T, strict=True))


def relative_errors(law: Law, points: Points, losses: dict[str, Array], fitted: NDArray[np.bool_], held_out: NDArray[np.bool_]) -> dict[str, float]:
    """Mean relative error in % of each domain's loss at the held-out rows."""
    errors = {}
    for name, values in losses.items():
        rows = np.flatnonzero(fitted & np.isfinite(values))
        predicted = law.fit(Evidence(points.take(rows), values[rows], np.arange(len(rows)))).predict(points.take(held_out))
        errors[name] = 100 * float(np.nanmean(np.abs(predicted / values[held_out] - 1)))
    return errors


def carry(points: Points, values: Array, fitted: NDArray[np.bool_], held_out: NDArray[np.bool_]) -> Array:
    """float64[m]: the loss of the fitted run with the nearest mixture, then the nearest size, then the nearest tokens."""
    rows = np.flatnonzero(fitted & np.isfinite(values))
    shares, sizes, tokens = points.shares[rows], np.log(points.parameters[rows]), np.log(points.tokens[rows])
    nearest = []
    for row in np.flatnonzero(held_out):
        apart = np.abs(shares - points.shares[row]).sum(axis=1).round(6)
        order = np.lexsort((np.abs(tokens - np.log(points.tokens[row])), np.abs(sizes - np.log(points.parameters[row])), apart))
        nearest.append(rows[order[0]])
    return np.asarray(values[nearest])
