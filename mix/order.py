"""The order of rows: a pure function of the plan and the row number.

The plan holds the source of each row of the run (two bytes beside the row's thousands), and at every `BLOCK_ROWS`-th row how
often each source was drawn. Which of a source's rows it is follows by arithmetic: draws ÷ rows is the epoch, and the remainder
goes through the source's order: a permutation keyed by seed, source and epoch, or a curriculum. Nothing is replayed, so any row costs the same.
"""

from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import ArrayLike, NDArray

from mix.permute import epoch_keys, permuted, unpermuted
from mix.plan import BLOCK_ROWS, Plan
from mix.source_order import source_order


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
    source, draw = _draws_at(plan, start, stop)
    keys = np.array([source_key(plan.seed, item.name) for item in plan.sources], np.uint64)
    n_rows = np.array([item.n_rows for item in plan.sources], np.int64)
    epoch, row = drawn_rows(draw, n_rows[source], keys[source])
    for number, item in enumerate(plan.sources):
        if item.order is not None and len(mine := np.flatnonzero(source == number)):
            own = source_order(item.n_rows, int(keys[number]), item.order)
            row[mine] = own.rows_of(draw[mine] - epoch[mine] * item.n_rows, epoch[mine])
    return RowRefs(source, epoch, row)


def source_key(seed: int, name: str) -> int:
    """64-bit key of a source's order: by name, so that adding a source does not reorder the others."""
    return xxhash.xxh3_64_intdigest(f"{seed}/{name}")


def drawn_rows(draw: NDArray[np.int64], n_rows: ArrayLike, key: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Epoch and row of the `draw`-th (n,) draw from a source of `n_rows` rows without a curriculum: each epoch gives every row once, in a
    random order of its own."""
    epoch, place = np.divmod(draw, n_rows)
    return epoch, permuted(place, np.broadcast_to(n_rows, draw.shape), epoch_keys(epoch, key))


def places_of(epoch: NDArray[np.int64], row: NDArray[np.int64], n_rows: ArrayLike, key: ArrayLike) -> NDArray[np.int64]:
    """(m,) int64: the place, counted from 0, at which each `row` (m,) comes within its `epoch` (m,); the inverse of `drawn_rows`."""
    return unpermuted(row, np.broadcast_to(n_rows, row.shape), epoch_keys(epoch, key))


def _draws_at(plan: Plan, start: int, stop: int) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Source of each row `[start, stop)`, and how often that source was drawn before it."""
    first = start // BLOCK_ROWS
    if start == stop:
        return np.empty(0, np.int16), np.empty(0, np.int64)
    blocks = plan.blocks.column("sources")
    source = np.concatenate([blocks[block].values.to_numpy() for block in range(first, -(-stop // BLOCK_ROWS))])
    source = source[: stop - first * BLOCK_ROWS]
    by_source = np.argsort(source, kind="stable")
    counts = np.bincount(source, minlength=len(plan.sources))
    draw = np.empty(len(source), np.int64)
    draw[by_source] = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
    draw += plan.blocks.column("rows_before")[first].values.to_numpy()[source]
    return source[start - first * BLOCK_ROWS :], draw[start - first * BLOCK_ROWS :]
