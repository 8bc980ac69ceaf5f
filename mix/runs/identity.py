"""Which rows are the same run, and which rows are the same run at the same step."""

from dataclasses import replace
from typing import Any

import numpy as np

from mix.errors import MixError
from mix.runs.columns import counted, listed
from mix.runs.table import Runs

_TRAINED = {"trained", "confirmation"}
"""Kinds of one run of training: a run that was made to confirm a suggestion may be one that was made before."""
_TELLS_APART = {"n_parameters": "N", "seed": "seed"}


def named_apart(runs: Runs, where: str) -> tuple[Runs, list[str]]:
    """Runs of several sizes or seeds that share one name get names of their own, such as `a N=122000000`, and notes say so."""
    names, notes = list(runs.run), []
    for number, label in _TELLS_APART.items():
        values = runs.number(number)
        of_run: dict[str, set[float]] = {}
        for name, value, base in zip(names, values.tolist(), runs.is_base, strict=True):
            if not base and np.isfinite(value):
                of_run.setdefault(name, set()).add(value)
        several = {name for name, known in of_run.items() if len(known) > 1}
        if several:
            notes.append(
                f"{where}: {counted(len(several), 'run')} with several values of {number}, each counted as a run of its own: {listed(sorted(several))}"
            )
        names = [f"{name} {label}={value:.15g}" if name in several else name for name, value in zip(names, values.tolist(), strict=True)]
    return replace(runs, run=tuple(names)), notes


def merged_rows(runs: Runs, where: str) -> tuple[Runs, list[str]]:
    """One row per run and step (or tokens, where the step is unknown), and notes for the user.

    Equal rows become one. Rows of which each knows what the other does not are joined. Raises MixError if rows of one run and step differ.
    """
    cells = _Cells(runs)
    first: dict[tuple[Any, ...], int] = {}
    dropped, joined = 0, []
    for row, key in enumerate(_keys(runs)):
        kept = first.setdefault(key, row)
        if kept == row:
            continue
        different = cells.different(kept, row)
        if different:
            raise MixError(
                f"{where}: run {runs.run[row]} has two rows at {_step(runs, row)} (rows {kept + 1} and {row + 1}) that differ in {listed(different)}; "
                "keep one, or give each run a name of its own"
            )
        if cells.join(kept, row):
            joined.append(runs.run[row])
        else:
            dropped += 1
    notes = [f"{where}: {counted(dropped, 'duplicate row')} dropped"] if dropped else []
    if joined:
        notes.append(f"{where}: {counted(len(joined), 'row')} joined with another row of the same run and step, which lacked their values: {listed(joined)}")
    return cells.runs().take(list(first.values())), notes


def _keys(runs: Runs) -> list[tuple[Any, ...]]:
    steps, tokens = runs.number("step").tolist(), runs.number("tokens").tolist()
    return [(name, "step", step) if step == step else (name, "tokens", n if n == n else None) for name, step, n in zip(runs.run, steps, tokens, strict=True)]


def _step(runs: Runs, row: int) -> str:
    step, tokens = runs.number("step")[row], runs.number("tokens")[row]
    return f"step {step:,.0f}" if np.isfinite(step) else f"{tokens:,.0f} tokens" if np.isfinite(tokens) else "an unknown step"


class _Cells:
    """The cells of a table except `run`, as float64[n, m] of numbers and text[n, t]. Unknown are NaN and ""."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._values = np.column_stack([*runs.numbers.values(), runs.shares, runs.losses])
        self._texts = np.column_stack([np.array([runs.kind, runs.tokenizer], np.str_).T, runs.contents])
        self._value_names = [*runs.numbers, *(f"share {name}" for name in runs.sources), *(f"the loss of {name}" for name in runs.domains)]
        self._text_names = ["kind", "tokenizer", *(f"the content of {name}" for name in runs.sources)]

    def different(self, a: int, b: int) -> list[str]:
        """Names of the cells that are known in both rows and differ; kinds of runs that were trained do not count."""
        values = ~np.isclose(self._values[a], self._values[b], rtol=1e-9, atol=1e-12) & np.isfinite(self._values[a]) & np.isfinite(self._values[b])
        texts = (self._texts[a] != self._texts[b]) & (self._texts[a] != "") & (self._texts[b] != "")
        texts[0] &= not {self._texts[a, 0], self._texts[b, 0]} <= _TRAINED
        named = [*zip(self._value_names, values, strict=True), *zip(self._text_names, texts, strict=True)]
        return [name for name, differs in named if differs]

    def join(self, a: int, b: int) -> bool:
        """Fill what row `a` lacks from row `b`; whether there was anything."""
        values, texts = np.isnan(self._values[a]) & ~np.isnan(self._values[b]), (self._texts[a] == "") & (self._texts[b] != "")
        self._values[a, values] = self._values[b, values]
        self._texts[a, texts] = self._texts[b, texts]
        return bool(values.any() or texts.any())

    def runs(self) -> Runs:
        """The table of these cells."""
        n_numbers, n_sources = len(self._runs.numbers), len(self._runs.sources)
        numbers, shares, losses = np.split(self._values, [n_numbers, n_numbers + n_sources], axis=1)
        return replace(
            self._runs,
            kind=tuple(self._texts[:, 0].tolist()),
            tokenizer=tuple(self._texts[:, 1].tolist()),
            numbers={name: numbers[:, i] for i, name in enumerate(self._runs.numbers)},
            shares=shares,
            losses=losses,
            contents=self._texts[:, 2:],
        )
