"""The order of a run whose mix was changed at some row: one schedule up to there, another from there on.

The second schedule starts from the state that the first has at that row: rows drawn from each source, so epochs and orders continue, and tokens given,
so a source that is a fraction of a row behind its share gets it. Any row still costs the same.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mix.draws import Draws
from mix.schedule import Ints, Schedule, State
from mix.shares import Shares, cut, joined


class RowSchedule(Protocol):
    """The source of each row of a run."""

    n_rows: int
    shares: Shares

    def draws(self, start: int, stop: int) -> tuple[NDArray[np.int16], Ints]:
        """See `Schedule`."""

    def state(self, row: int) -> State:
        """See `Schedule`."""

    def row_at(self, position: float) -> int:
        """See `Schedule`."""


class ExtendedSchedule:
    """The first `rows` rows of the schedule `before`, then rows at `shares`, until the tokens of their pieces are given.

    `draws` has one element per source: those of `before` in their order, then new ones. `shares` are those after row `rows`.
    """

    def __init__(self, before: RowSchedule, rows: int, shares: Shares, draws: Sequence[Draws]) -> None:
        self._before, self._rows, self._n_sources = before, rows, len(draws)
        start = self._with_new_sources(before.state(rows))
        self.shares = joined(cut(before.shares, start.position), shares)
        """Shares of the whole run."""
        self._after = Schedule(self.shares, draws, start)
        self.n_rows = self._after.n_rows
        """Rows of the whole run."""

    def draws(self, start: int, stop: int) -> tuple[NDArray[np.int16], Ints]:
        """See `Schedule`."""
        parts = []
        if start < self._rows:
            parts.append(self._before.draws(start, min(stop, self._rows)))
        if stop > self._rows or not parts:
            parts.append(self._after.draws(max(start, self._rows), max(stop, self._rows)))
        source, draw = zip(*parts, strict=True)
        return np.concatenate(source), np.concatenate(draw)

    def state(self, row: int) -> State:
        """See `Schedule`."""
        return self._after.state(row) if row >= self._rows else self._with_new_sources(self._before.state(row))

    def row_at(self, position: float) -> int:
        """See `Schedule`."""
        row = self._before.row_at(position)
        return row if row < self._rows else self._after.row_at(position)

    def _with_new_sources(self, state: State) -> State:
        n_new = self._n_sources - len(state.drawn)
        return state._replace(drawn=np.pad(state.drawn, (0, n_new)), given=np.pad(state.given, (0, n_new)))
