"""The rows of a table of runs that say something of one domain's loss."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mix.laws.law import Evidence, Points
from mix.laws.ratios import SAME_SHARE, ratio_numbers
from mix.runs.evidence import evidence_of, points_of
from mix.runs.recipe import RunsRecipe
from mix.runs.table import Runs

Rows = NDArray[np.int64]

_SAME_NUMBER = 0.02
"""Sizes and numbers of tokens whose logarithms differ by at most this are one point."""


@dataclass(frozen=True)
class DomainRows:
    """The evidence of one domain at all steps, and what is known of its n rows.

    `run` has the names of the runs. `steps` is float64[n], the optimizer step or another number that grows along a run. `is_last` is bool[n]: the last
    row of each run. `ratio` is int64[n], the number of the row's ratio. `point` is int64[n], the number of the point at which the row's run ended: its
    ratio, size and tokens. Equal numbers mean the same in every domain of a table. `n_ratios_of_table` is the number of ratios of all domains.
    """

    evidence: Evidence
    run: tuple[str, ...]
    steps: NDArray[np.float64]
    is_last: NDArray[np.bool_]
    ratio: Rows
    point: Rows
    n_ratios_of_table: int

    def usable(self, along_runs: bool) -> Rows:
        """Numbers of the rows that a law is fitted to: all, or the last of each run."""
        return np.flatnonzero(self.is_last | along_runs)


@dataclass(frozen=True)
class TablePoints:
    """Where the m rows of a table lie that are not of the base model; `ratio` and `point` are int64[m] as in `DomainRows`, `at` has the points by number."""

    runs: Runs
    at: Points
    ratio: Rows
    point: Rows

    def rows_of(self, domain: str, table: Runs, recipe: RunsRecipe) -> DomainRows:
        """The rows that have a loss of `domain`. `table` is the whole table, with the rows of the base model. Raises MixError for an unknown domain."""
        evidence = evidence_of(table, domain, recipe, last=False)
        if evidence.base is not None and evidence.source is not None:
            others = (evidence_of(table, other, recipe, last=False) for other in table.domains if other != domain)
            evidence = replace(evidence, others=tuple(others))
        measured = np.isfinite(self.runs.losses[:, self.runs.domains.index(domain)])
        runs = self.runs.take(measured)
        assert len(runs) == len(evidence)
        steps = _steps(runs.number("step"), evidence.points.tokens)
        is_last = _last_of_each(evidence.run, steps)
        return DomainRows(evidence, runs.run, steps, is_last, self.ratio[measured], self.point[measured], int(self.ratio.max(initial=-1)) + 1)


def table_points(table: Runs) -> TablePoints:
    """`TablePoints` of a cleaned table."""
    runs = table.take(~table.is_base)
    points = points_of(runs)
    ratio = ratio_numbers(points.shares)
    end = _end_of_run(runs)
    scale = SAME_SHARE / _SAME_NUMBER
    numbers = [scale * np.nan_to_num(np.log(values)) for values in (points.parameters, points.tokens, points.pretraining_tokens)]
    ends, of_row = np.unique(end, return_inverse=True)
    of_end = ratio_numbers(np.column_stack([points.shares, *numbers])[ends])
    first = np.unique(of_end, return_index=True)[1]
    return TablePoints(runs, points.take(ends[first]), ratio, of_end[of_row])


def _end_of_run(runs: Runs) -> Rows:
    """int64[m]: the last row of the run of each row."""
    steps = _steps(runs.number("step"), runs.number("tokens"))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(runs.run))}
    run = np.array([numbers[name] for name in runs.run], np.int64)
    ends = np.flatnonzero(_last_of_each(run, steps))
    end_of = np.empty(len(numbers), np.int64)
    end_of[run[ends]] = ends
    return end_of[run]


def _steps(steps: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps; where they are unknown tokens, and where these are, too, the order of rows."""
    return np.where(np.isnan(steps), np.where(np.isnan(tokens), np.arange(len(steps), dtype=np.float64), tokens), steps)


def _last_of_each(run: Rows, steps: NDArray[np.float64]) -> NDArray[np.bool_]:
    is_last = np.zeros(len(run), bool)
    for number in np.unique(run):
        rows = np.flatnonzero(run == number)
        is_last[rows[np.argmax(steps[rows])]] = True
    return is_last
