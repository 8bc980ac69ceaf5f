"""Conversion between draws and tokens: how many real tokens a source has given after any number of its rows, and the inverse.

Nearly all rows are full, so only the short ones are stored: `n` draws give `n` full rows less what the short rows among them lack. The positions of
the short rows in an epoch are computed once, by the inverse of the source's order.
"""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.source_order import SourceOrder

Ints = NDArray[np.int64]

_SHORT_ROWS_KEPT = 1 << 20
"""Short rows whose positions a source caches: 24 MB."""


class ShortRows(NamedTuple):
    """Rows of a source that are not full."""

    row: Ints
    """(n_short,) int64, ascending"""
    tokens: Ints
    """(n_short,) int64: real tokens, at least 1"""


def short_rows(row_lengths: NDArray[np.integer], row_tokens: int, first_row: int = 0) -> ShortRows:
    """The rows of `row_lengths` (n,) with less than `row_tokens` real tokens; the first of `row_lengths` is row `first_row`."""
    short = np.flatnonzero(row_lengths < row_tokens)
    return ShortRows(short + first_row, row_lengths[short].astype(np.int64))


def joined(parts: list[ShortRows]) -> ShortRows:
    """The short rows of consecutive parts."""
    empty = np.empty(0, np.int64)
    return ShortRows(np.concatenate([empty, *(part.row for part in parts)]), np.concatenate([empty, *(part.tokens for part in parts)]))


class _Epoch(NamedTuple):
    """Short rows in the order of one epoch."""

    position: Ints
    """(n_short,): rows drawn before each"""
    begin: Ints
    """(n_short,): real tokens of the epoch drawn before each"""
    tokens: Ints
    """(n_short,)"""


class Draws:
    """A source of `n_rows` rows of up to `row_tokens` tokens, drawn in `order`, epoch after epoch."""

    def __init__(self, n_rows: int, row_tokens: int, short: ShortRows, order: SourceOrder) -> None:
        self.n_rows, self.row_tokens = n_rows, row_tokens
        self.n_tokens = n_rows * row_tokens - int((row_tokens - short.tokens).sum())
        """real tokens of an epoch"""
        self._short, self._order = short, order
        self._epochs: OrderedDict[int, _Epoch] = OrderedDict()

    def tokens(self, n: int) -> int:
        """Real tokens of the first `n` draws."""
        if not len(self._short.row):
            return n * self.row_tokens
        number, position = divmod(n, self.n_rows)
        epoch = self._epoch(number)
        last = int(epoch.position.searchsorted(position)) - 1
        within = position * self.row_tokens
        if last >= 0:
            within = int(epoch.begin[last] + epoch.tokens[last]) + (position - int(epoch.position[last]) - 1) * self.row_tokens
        return number * self.n_tokens + within

    def draws(self, tokens: float) -> float:
        """Number of draws that give `tokens`, counting the needed fraction of the last; 0 if the source is empty."""
        if not len(self._short.row):
            return tokens / self.row_tokens if self.n_rows else 0.0
        number, rest = divmod(tokens, self.n_tokens)
        epoch = self._epoch(int(number))
        last = int(epoch.begin.searchsorted(rest, side="right")) - 1
        within = rest / self.row_tokens
        if last >= 0:
            inside, size = rest - int(epoch.begin[last]), int(epoch.tokens[last])
            within = int(epoch.position[last]) + (inside / size if inside < size else 1 + (inside - size) / self.row_tokens)
        return number * self.n_rows + within

    def lengths(self, start: int, stop: int) -> Ints:
        """(stop - start,) int64: real tokens of each draw in `[start, stop)`."""
        lengths = np.full(stop - start, self.row_tokens, np.int64)
        if not len(self._short.row) or start == stop:
            return lengths
        for number in range(start // self.n_rows, (stop - 1) // self.n_rows + 1):
            epoch, first = self._epoch(number), number * self.n_rows
            inside = slice(*epoch.position.searchsorted((start - first, stop - first)).tolist())
            lengths[epoch.position[inside] + first - start] = epoch.tokens[inside]
        return lengths

    def _epoch(self, number: int) -> _Epoch:
        if number not in self._epochs:
            position = self._order.positions_of(self._short.row, np.full(len(self._short.row), number, np.int64))
            by_position = np.argsort(position)
            position, tokens = position[by_position], self._short.tokens[by_position]
            lacking = np.cumsum(self.row_tokens - tokens) - (self.row_tokens - tokens)
            self._epochs[number] = _Epoch(position, position * self.row_tokens - lacking, tokens)
            if len(self._epochs) > max(4, _SHORT_ROWS_KEPT // len(tokens)):
                self._epochs.popitem(last=False)
        return self._epochs[number]
