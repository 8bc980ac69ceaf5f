"""Which source gives each row, so that every prefix of the run has the asked shares of real tokens to within one row.

Rows are scheduled like packets of flows that share a link: worst-case fair weighted fair queueing (WF2Q, Bennett and Zhang 1996),
with time counted in real tokens of the run. If all sources flowed at once at their shares, the row that follows `given` tokens of a
source would flow between the positions where `given`, and `given` plus the row's tokens, are asked of the source. A row is
*eligible* once its flow has begun; of the eligible rows the one whose flow ends first is given, the first source on a tie.

Bound, for any number of sources, any weights, and rows of any sizes up to L = `row_tokens`: after every row, no source has been
given more than (1 − its share)·L above, nor more than L below, what is asked of it. Above: a row begins no sooner than its flow.
Below: rows are jobs with release times and deadlines that the flow itself meets, and earliest deadline first without preemption
ends a job at most one row after its deadline. (A largest-deficit rule has no such bound below: it grows with the sources.)
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mix.plan import BLOCK_ROWS
from mix.shares import Shares

_LOOKAHEAD = 4096

Upcoming = Callable[[int, int, int], NDArray[np.int64]]
"""(source, position, count) → (count,) int64: real tokens of the rows that a source gives from its `position`-th on."""


class Block(NamedTuple):
    """Consecutive rows of the run; all blocks but the last have `BLOCK_ROWS`."""

    sources: NDArray[np.int16]
    """(n_rows,) int16: the source that gives each row"""
    tokens: NDArray[np.int64]
    """(n_rows,) int64: real tokens of each row"""
    rows_before: NDArray[np.int64]
    """(n_sources,) int64: rows given by each source before this block"""
    tokens_before: NDArray[np.int64]
    """(n_sources,) int64: real tokens given by each source before this block"""


def schedule(shares: Shares, upcoming: Upcoming) -> Iterator[Block]:
    """The run's rows in order, until the stages' tokens are given; the last row may go beyond them by less than a row."""
    n_sources = shares.begin.shape[1]
    bounds, cumulative, begin, end = (np.ascontiguousarray(part) for part in (shares.bounds, shares.cumulative, shares.begin, shares.end))
    drawn, given = np.zeros(n_sources, np.int64), np.zeros(n_sources, np.int64)
    place = np.zeros(n_sources, np.int64)
    lookahead = np.ones((n_sources, _LOOKAHEAD), np.int64)
    for source in np.flatnonzero(cumulative[-1]):
        lookahead[source] = upcoming(int(source), 0, _LOOKAHEAD)
    while given.sum() < bounds[-1]:
        block = Block(np.empty(BLOCK_ROWS, np.int16), np.empty(BLOCK_ROWS, np.int64), drawn.copy(), given.copy())
        n_rows = 0
        while n_rows < BLOCK_ROWS and given.sum() < bounds[-1]:
            n_rows, spent = _draw(bounds, cumulative, begin, end, lookahead, place, drawn, given, block.sources, block.tokens, n_rows)
            if spent >= 0:
                lookahead[spent], place[spent] = upcoming(spent, int(drawn[spent]), _LOOKAHEAD), 0
        yield block._replace(sources=block.sources[:n_rows], tokens=block.tokens[:n_rows])


@njit(cache=True)
def _draw(bounds, cumulative, begin, end, lookahead, place, drawn, given, out_sources, out_tokens, n_rows):  # type: ignore[no-untyped-def]
    """Give rows until the block is full, the run has ended, or a source's lookahead is spent. Returns the number of rows in the
    block and the spent source or -1; `place`, `drawn`, `given` and the outputs are changed in place."""
    n_sources = len(given)
    position = given.sum()
    flow_begins, flow_ends = np.empty(n_sources), np.empty(n_sources)
    for source in range(n_sources):
        flow_begins[source] = _when(bounds, cumulative, begin, end, source, given[source])
        flow_ends[source] = _when(bounds, cumulative, begin, end, source, given[source] + lookahead[source, place[source]])
    while n_rows < len(out_sources) and position < bounds[-1]:
        source = _first_to_end(flow_begins, flow_ends, position)
        tokens = lookahead[source, place[source]]
        out_sources[n_rows], out_tokens[n_rows] = source, tokens
        n_rows += 1
        position += tokens
        given[source] += tokens
        drawn[source] += 1
        place[source] += 1
        if place[source] == lookahead.shape[1]:
            return n_rows, source
        flow_begins[source] = flow_ends[source]
        flow_ends[source] = _when(bounds, cumulative, begin, end, source, given[source] + lookahead[source, place[source]])
    return n_rows, -1


@njit(cache=True)
def _first_to_end(flow_begins, flow_ends, position):  # type: ignore[no-untyped-def]
    """The eligible source whose flow ends first. What was given sums to what was asked, so some source has not more than was asked of
    it and is eligible; should rounding hide it, the source that will be eligible first."""
    best, soonest = -1, 0
    for source in range(len(flow_begins)):
        if flow_begins[source] <= position and (best < 0 or flow_ends[source] < flow_ends[best]):
            best = source
        if flow_begins[source] < flow_begins[soonest]:
            soonest = source
    return best if best >= 0 else soonest


@njit(cache=True)
def _when(bounds, cumulative, begin, end, source, tokens):  # type: ignore[no-untyped-def]
    """The position in the run at which `tokens` are asked of a source, or infinity: the inverse of `shares.asked`."""
    for stage in range(len(begin)):
        if tokens < cumulative[stage + 1, source]:
            length = bounds[stage + 1] - bounds[stage]
            asked = (tokens - cumulative[stage, source]) / length
            if asked <= 0:
                return bounds[stage]
            first, slope = begin[stage, source], end[stage, source] - begin[stage, source]
            return bounds[stage] + length * 2 * asked / (first + np.sqrt(max(first * first + 2 * slope * asked, 0.0)))
    return np.inf
