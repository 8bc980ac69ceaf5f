"""The order of a run whose mix or row length was changed at some row: one schedule up to there, another from there on.

The second schedule starts from the state that the first has at that row: rows drawn from each source, so epochs and orders continue, and tokens given.
Where the row length stays, the shares are those of the whole run, so a source that is a fraction of a row behind its share gets it. Where the length
changes, shares count anew from what was given: a fraction of a long row is many short rows, and a source that the new length does not draw from could
never make up for it. Any row still costs the same.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mix.draws import Draws
from mix.schedule import Ints, RowLength, Schedule, State
from mix.shares import Shares, cut, joined, without_first


class RowSchedule(Protocol):
    """The source of each row of a run. `shares`: of the whole run, as requested; `flow`: as the rows follow them; `lengths`: of its rows, in order."""

    n_rows: int
    shares: Shares
    flow: Shares

    @property
    def lengths(self) -> tuple[RowLength, ...]:
        """See `Schedule`."""

    def draws(self, start: int, stop: int) -> tuple[NDArray[np.int16], Ints]:
        """See `Schedule`."""

    def state(self, row: int) -> State:
        """See `Schedule`."""

    def row_at(self, position: float) -> int:
        """See `Schedule`."""


class ExtendedSchedule:
    """The first `rows` rows of the schedule `before`, then rows of `row_tokens` tokens at `shares`, until the tokens of their pieces are given.

    `draws` has one element per source: those of `before` in their order, then new ones. `shares` are those after row `rows`.
    """

    def __init__(self, before: RowSchedule, rows: int, shares: Shares, draws: Sequence[Draws], row_tokens: int | None = None) -> None:
        self._before, self._rows, self._n_sources = before, rows, len(draws)
        start, row_tokens = self._with_new_sources(before.state(rows)), row_tokens or draws[0].row_tokens
        kept = cut(before.shares, start.position)
        self.shares = joined(kept, shares)
        """Shares of the whole run."""
        earlier = [length for length in before.lengths if length.first_row < rows] or [before.lengths[0]]
        if earlier[-1].row_tokens == row_tokens:
            self.flow, self.lengths = joined(cut(before.flow, start.position), shares), tuple(earlier)
        else:
            left = without_first(shares, start.position - kept.bounds[-1])
            self.flow = joined(_given(start), left) if start.position else left
            self.lengths = (*earlier, RowLength(rows, row_tokens))
        self._after = Schedule(self.flow, draws, start, row_tokens)
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


def _given(state: State) -> Shares:
    """Shares of one piece that asks for exactly what was given."""
    share = state.given[None] / state.position
    return Shares(np.array([float(state.position)]), share, share)


def schedule_of(stretches: Sequence[tuple[int, Shares]], draws: Sequence[Draws], before: RowSchedule | None = None, rows: int = 0) -> RowSchedule:
    """The schedule of consecutive stretches of a run, each given by the length of its rows in tokens and its shares; after the first `rows` rows of
    `before`, if there is one. `draws` has one element per packed source; a stretch has shares only for those of its length."""
    schedule = before
    for row_tokens, shares in stretches:
        if schedule is None:
            schedule = Schedule(shares, draws, row_tokens=row_tokens)
        else:
            schedule = ExtendedSchedule(schedule, rows if schedule is before else schedule.n_rows, shares, draws, row_tokens)
    assert schedule is not None
    return schedule
