"""The order of rows: a pure function of the plan and the row number.

The schedule gives the source of each row and how often that source was drawn before. Arithmetic gives the source's row: draws ÷ rows is the epoch,
and the remainder goes through the source's order, which is a permutation keyed by seed, source and epoch, or a curriculum. Nothing is replayed, so
any row costs the same.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.permute import epoch_keys, permuted
from mix.plan import Plan, source_order_of
from mix.source_order import source_key


class RowRefs(NamedTuple):
    """Rows of the run: row `row` of `Plan.sources[source]`, drawn in that packed source's epoch `epoch`; all counted from 0."""

    source: NDArray[np.int16]
    """(n,) int16: index in `Plan.sources`"""
    epoch: NDArray[np.int64]
    """(n,) int64"""
    row: NDArray[np.int64]
    """(n,) int64"""


def rows_at(plan: Plan, start: int, stop: int) -> RowRefs:
    """Rows `[start, stop)` of the run, `0 <= start <= stop <= plan.n_rows`; any rows cost the same."""
    source, draw = plan.schedule.draws(start, stop)
    n_rows = np.array([planned.n_rows for planned in plan.sources], np.int64)[source]
    keys = np.array([source_key(plan.seed, planned.name) for planned in plan.sources], np.uint64)[source]
    epoch, position = np.divmod(draw, n_rows)
    row = permuted(position, n_rows, epoch_keys(epoch, keys))
    for number, planned in enumerate(plan.sources):
        if planned.order is not None and len(own := np.flatnonzero(source == number)):
            row[own] = source_order_of(plan.seed, planned).rows_of(position[own], epoch[own])
    return RowRefs(source, epoch, row)
