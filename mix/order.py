"""The order of rows: a pure function of the plan and the row number.

The schedule tells the source of each row and how often that source was drawn before. Which of a source's rows it is follows by
arithmetic: draws ÷ rows is the epoch, and the remainder goes through the source's order: a permutation keyed by seed, source and
epoch, or a curriculum. Nothing is replayed, so any row costs the same.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.permute import epoch_keys, permuted
from mix.plan import Plan, source_order_of
from mix.source_order import source_key


class RowRefs(NamedTuple):
    """Rows of the run: row `row` of source `source`, drawn in that source's epoch `epoch`; all counted from 0."""

    source: NDArray[np.int16]
    """(n,) int16"""
    epoch: NDArray[np.int64]
    """(n,) int64"""
    row: NDArray[np.int64]
    """(n,) int64"""


def rows_at(plan: Plan, start: int, stop: int) -> RowRefs:
    """Rows `[start, stop)` of the run, `0 <= start <= stop <= plan.n_rows`; costs the same wherever they lie."""
    source, draw = plan.schedule.draws(start, stop)
    n_rows = np.array([item.n_rows for item in plan.sources], np.int64)[source]
    keys = np.array([source_key(plan.seed, item.name) for item in plan.sources], np.uint64)[source]
    epoch, place = np.divmod(draw, n_rows)
    row = permuted(place, n_rows, epoch_keys(epoch, keys))
    for number, item in enumerate(plan.sources):
        if item.order is not None and len(mine := np.flatnonzero(source == number)):
            row[mine] = source_order_of(plan.seed, item).rows_of(place[mine], epoch[mine])
    return RowRefs(source, epoch, row)
