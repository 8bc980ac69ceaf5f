"""The source of each row, such that every prefix of the run has the requested shares of real tokens to within one row.

Nothing is stored and nothing is replayed from the start. The state at every `BLOCK_ROWS`-th row (rows drawn from each source) follows from the
states at the ends of the interval around it: the flow at that row, rounded by largest remainders and clamped between both ends. The first interval
is the run, and intervals are halved. So any state costs O(log n_rows), and states never contradict each other.

Within a block, rows are scheduled like packets of flows that share a link (worst-case fair weighted fair queueing, Bennett and Zhang 1996): a row
is *eligible* once the flow has begun it, and the eligible row that the flow ends first comes next.

In a single block no source is ever more than one row from its share: earliest deadline first meets every set of deadlines that can be met. A run of
up to `WHOLE_ROWS` rows is one block. In longer runs the states at block ends, each less than a row from the shares where rows are full, void that
proof. `python -m benchmarks.plan` measures the remaining error, and finds more than one row only where shares differ by orders of magnitude.

A schedule may begin at a later state of a run, whose earlier rows another schedule orders (`mix.extended_schedule`). The shares are those of the whole
run, so that a source that is a fraction of a row behind there gets that fraction later, however often a run is extended. Deadlines that nobody knew
before that row may not all be met: then a source may be more than a row from its share for a while.
"""

import heapq
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.draws import Draws
from mix.shares import Flow, Shares

Ints = NDArray[np.int64]

BLOCK_ROWS = 256

WHOLE_ROWS = 1 << 15
"""A run of at most this many rows is one block: ordered in a tenth of a second, and never more than a row from its shares."""

_COARSE_STATES = 16384
_FINE_STATES = 512
_BLOCKS_KEPT = 8
_ROUNDING = 1e-6
_TICKS_PER_TOKEN = 1024
"""Releases and deadlines are compared in these ticks. So rounding errors do not decide between rows whose deadlines are equal, and the order does not
depend on the pieces into which equal shares are cut."""


class State(NamedTuple):
    """What was drawn before a row of the run."""

    drawn: Ints
    """(n_sources,) int64: rows"""
    given: Ints
    """(n_sources,) int64: real tokens"""
    row: int
    """rows in total"""
    position: int
    """real tokens in total"""


def state_of(drawn: Ints, given: Ints) -> State:
    """The state after `drawn` rows of each source with `given` real tokens, both (n_sources,) int64."""
    return State(drawn, given, int(drawn.sum()), int(given.sum()))


class RowLength(NamedTuple):
    """Rows from `first_row` on have `row_tokens` tokens."""

    first_row: int
    row_tokens: int


class _Block(NamedTuple):
    """The rows of a block, and the state before them."""

    before: State
    source: NDArray[np.int16]
    draw: Ints
    tokens: Ints


class Schedule:
    """The order in which `draws` (one per source) give their rows at `shares` of the whole run, until the pieces' tokens are given. With `start` only
    the rows after that state are ordered; row numbers are those of the whole run."""

    def __init__(self, shares: Shares, draws: Sequence[Draws], start: State | None = None, row_tokens: int | None = None) -> None:
        """`row_tokens`: length of the rows; None: that of all draws. Draws of another length must have no share after `start`."""
        self.shares = self.flow = shares
        self._flow, self._draws, self.row_tokens = Flow(shares), list(draws), row_tokens or draws[0].row_tokens
        none = np.zeros(len(self._draws), np.int64)
        start = start or state_of(none, none)
        end = self._end(start)
        self._first_row, self.n_rows = start.row, end.row
        """Rows of the run; the last one exceeds the requested tokens by less than a row."""
        n_ordered = end.row - start.row
        self._block_rows = max(n_ordered, 1) if n_ordered <= WHOLE_ROWS else BLOCK_ROWS
        self.n_blocks = -(-n_ordered // self._block_rows)
        self._coarse = {0: start, self.n_blocks: end}
        self._fine: OrderedDict[int, State] = OrderedDict()
        self._blocks: OrderedDict[int, _Block] = OrderedDict()

    @property
    def lengths(self) -> tuple[RowLength, ...]:
        """The row length, from the first row on."""
        return (RowLength(self._first_row, self.row_tokens),)

    def draws(self, start: int, stop: int) -> tuple[NDArray[np.int16], Ints]:
        """Source of each row `[start, stop)` of the run, and that source's earlier draws; (stop - start,) int16 and int64."""
        sources, draws = [np.empty(0, np.int16)], [np.empty(0, np.int64)]
        start, stop = start - self._first_row, stop - self._first_row
        for number in range(start // self._block_rows, -(-stop // self._block_rows) if stop > start else 0):
            block, first = self._block(number), number * self._block_rows
            part = slice(max(start - first, 0), stop - first)
            sources.append(block.source[part])
            draws.append(block.draw[part])
        return np.concatenate(sources), np.concatenate(draws)

    def state(self, row: int) -> State:
        """What was drawn before row `row`, from the first row to `n_rows`."""
        number, within = divmod(row - self._first_row, self._block_rows)
        if row == self.n_rows or not within:
            return self._boundary(self.n_blocks if row == self.n_rows else number)
        block, n_sources = self._block(number), len(self._draws)
        source = block.source[:within]
        tokens = np.bincount(source, block.tokens[:within], n_sources).astype(np.int64)
        return state_of(block.before.drawn + np.bincount(source, minlength=n_sources), block.before.given + tokens)

    def row_at(self, position: float) -> int:
        """The first row that begins at `position` real tokens of the run or later, at most `n_rows`."""
        if position <= self._coarse[0].position or not self.n_blocks:
            return self._first_row
        low, high = 0, self.n_blocks
        while high - low > 1:
            middle = _middle(low, high)
            low, high = (middle, high) if self._boundary(middle).position < position else (low, middle)
        block = self._block(low)
        begins = block.before.position + np.cumsum(block.tokens) - block.tokens
        return self._first_row + low * self._block_rows + int(begins.searchsorted(position))

    def _end(self, start: State) -> State:
        """The state in which all requested tokens are given: whole rows first, then the largest remainders. Rows given before `start` stay given; if they
        exceed what their sources are asked for in the whole run, other sources give less. A source without a share after `start` gives nothing more."""
        asked = self._flow.asked(self._flow.total)
        wanted = np.array([source.draws(tokens) for source, tokens in zip(self._draws, asked.tolist(), strict=True)])
        if start.row:
            wanted[asked - self._flow.asked(start.position) < _ROUNDING] = -1.0
        drawn = np.where(wanted < 0, start.drawn, np.floor(wanted + _ROUNDING).astype(np.int64))
        given = self._tokens(drawn)
        total = int(given.sum())
        for source in np.argsort(drawn - wanted, kind="stable"):
            if total >= self._flow.total - 0.5 or wanted[source] < 0:
                break
            drawn[source] += 1
            total -= int(given[source])
            given[source] = self._draws[source].tokens(int(drawn[source]))
            total += int(given[source])
        self._take_back(np.where(wanted < 0, start.drawn, 0), wanted, drawn, given)
        if (drawn < start.drawn).any():  # rows given already count only now, so that a run extended by its own rest ends as it would have
            drawn = np.maximum(drawn, start.drawn)
            given = self._tokens(drawn)
            self._take_back(start.drawn, wanted, drawn, given)
        return state_of(drawn, given)

    def _tokens(self, drawn: Ints) -> Ints:
        """Real tokens of the first `drawn` rows of each source."""
        return np.array([source.tokens(n) for source, n in zip(self._draws, drawn.tolist(), strict=True)], np.int64)

    def _take_back(self, least: Ints, wanted: NDArray[np.float64], drawn: Ints, given: Ints) -> None:
        """Drop rows that the requested total does not need, first from the sources furthest above their `wanted` rows; `least` rows of each source stay.
        Changes `drawn` and `given`."""
        surplus = int(given.sum()) - self._flow.total
        while len(open_ := np.flatnonzero(drawn > least)):
            source = open_[np.argmax((drawn - wanted)[open_])]
            n_tokens = int(given[source]) - self._draws[source].tokens(int(drawn[source]) - 1)
            if surplus - n_tokens < -0.5:
                return
            surplus -= n_tokens
            drawn[source] -= 1
            given[source] -= n_tokens

    def _boundary(self, number: int) -> State:
        """The state before block `number`."""
        low, high = 0, self.n_blocks
        if number in self._coarse:
            return self._coarse[number]
        before, after = self._coarse[low], self._coarse[high]
        while True:
            middle = _middle(low, high)
            state = self._coarse.get(middle) or self._fine.get(middle)
            if state is None:
                state = self._keep(middle, high - low, self._between(before, after, self._first_row + middle * self._block_rows))
            if middle == number:
                return state
            low, before, high, after = (low, before, middle, state) if number < middle else (middle, state, high, after)

    def _keep(self, number: int, n_blocks: int, state: State) -> State:
        """Cache the states of the widest intervals for good, of the others the latest."""
        if n_blocks * _COARSE_STATES >= self.n_blocks:
            self._coarse[number] = state
        else:
            self._fine[number] = state
            if len(self._fine) > _FINE_STATES:
                self._fine.popitem(last=False)
        return state

    def _between(self, low: State, high: State, row: int) -> State:
        """The state before row `row`, between two others: the flow's, in whole rows."""
        tokens_per_row = (high.position - low.position) / (high.row - low.row)
        uneven = np.flatnonzero(high.given - low.given != (high.drawn - low.drawn) * self.row_tokens).tolist()
        position = low.position + tokens_per_row * (row - low.row)
        for _ in range(8):
            wanted = self._flowed(position, low, uneven)
            excess = float(wanted.sum()) - row
            if abs(excess) < 0.01:
                break
            position -= excess * tokens_per_row
        state = self._whole(wanted, row, low, high, uneven)
        for _ in range(4):
            if abs(state.position - position) < self.row_tokens / 8:
                break
            # Rows differ in size: the rows rounded up have more or fewer tokens than the rows rounded down.
            position = state.position
            other = self._whole(self._flowed(position, low, uneven), row, low, high, uneven)
            state = min(state, other, key=self._deviation)
        return state

    def _whole(self, wanted: NDArray[np.float64], row: int, low: State, high: State, uneven: list[int]) -> State:
        """`wanted` rows of each source, rounded to whole rows that sum to `row`."""
        drawn = _rounded(wanted, row, low.drawn, high.drawn)
        given = low.given + (drawn - low.drawn) * self.row_tokens
        for source in uneven:
            given[source] = self._draws[source].tokens(int(drawn[source]))
        return State(drawn, given, row, int(given.sum()))

    def _deviation(self, state: State) -> float:
        return float(np.abs(state.given - self._flow.asked(state.position)).max())

    def _flowed(self, position: float, low: State, uneven: list[int]) -> NDArray[np.float64]:
        """(n_sources,): rows that the flow has drawn at a position; only for `uneven` sources, with short rows around it, are those looked up."""
        asked = self._flow.asked(position)
        rows = low.drawn + (asked - low.given) / self.row_tokens
        for source in uneven:
            rows[source] = self._draws[source].draws(float(asked[source]))
        return rows

    def _block(self, number: int) -> _Block:
        if number not in self._blocks:
            self._blocks[number] = self._ordered(self._boundary(number), self._boundary(number + 1))
            if len(self._blocks) > _BLOCKS_KEPT:
                self._blocks.popitem(last=False)
        return self._blocks[number]

    def _ordered(self, before: State, after: State) -> _Block:
        """The rows between two states, in order."""
        counts = after.drawn - before.drawn
        source = np.repeat(np.arange(len(counts)), counts)
        draw = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts - before.drawn, counts)
        firsts, tokens = np.cumsum(counts) - counts, np.full(len(source), self.row_tokens)
        for number in np.flatnonzero(after.given - before.given != counts * self.row_tokens):
            rows = slice(firsts[number], firsts[number] + counts[number])
            tokens[rows] = self._draws[number].lengths(int(before.drawn[number]), int(after.drawn[number]))
        drawn, flowed = np.flatnonzero(counts), np.cumsum(tokens) - tokens
        begin = flowed + np.repeat(before.given[drawn] - flowed[firsts[drawn]], counts[drawn])
        release, deadline = (np.round(self._flow.when(source, given) * _TICKS_PER_TOKEN) / _TICKS_PER_TOKEN for given in (begin, begin + tokens))
        order = _earliest_deadlines(release, deadline, tokens, before.position)
        return _Block(before, source[order].astype(np.int16), draw[order], tokens[order])


def _middle(low: int, high: int) -> int:
    """Where an interval of two or more blocks is split: at the largest power of two, so that intervals are shared."""
    return low + (1 << ((high - low - 1).bit_length() - 1))


def _rounded(wanted: NDArray[np.float64], total: int, low: Ints, high: Ints) -> Ints:
    """(n,) int64 with sum `total`: `wanted` rounded by largest remainders, between `low` and `high`, whose sums enclose `total`."""
    rows = np.minimum(np.maximum(np.floor(wanted).astype(np.int64), low), high)
    left = total - int(rows.sum())
    while left:
        step = 1 if left > 0 else -1
        lacking = np.where(rows < high if left > 0 else rows > low, step * (rows - wanted), np.inf)
        nearest = np.argsort(lacking, kind="stable")[: abs(left)]
        nearest = nearest[lacking[nearest] < np.inf]
        rows[nearest] += step
        left -= step * len(nearest)
    return rows


def _earliest_deadlines(release: NDArray[np.float64], deadline: NDArray[np.float64], tokens: Ints, position: float) -> Ints:
    """(n,) int64: the order of consecutive rows from `position` on: the released row with the earliest deadline, or if none is released, the next to be."""
    by_release = np.argsort(release, kind="stable")
    releases, deadlines, sizes, numbers = release[by_release].tolist(), deadline[by_release].tolist(), tokens[by_release].tolist(), by_release.tolist()
    order: list[int] = []
    waiting: list[tuple[float, int]] = []
    following, n_rows, slack = 0, len(numbers), _ROUNDING + position * 1e-15
    while len(order) < n_rows:
        while following < n_rows and (not waiting or releases[following] <= position + slack):
            heapq.heappush(waiting, (deadlines[following], following))
            following += 1
        _, taken = heapq.heappop(waiting)
        order.append(numbers[taken])
        position += sizes[taken]
    return np.array(order, np.int64)
