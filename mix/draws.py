"""How many real tokens a source has given after any number of its rows, and the other way round.

Nearly all rows are full, so only the short ones are kept: after `n` draws a source has given `n` full rows less what the short rows
among them lack. Where those come in an epoch is looked up once by the inverse of the source's order.
"""

from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mix.source_order import SourceOrder

Ints = NDArray[np.int64]

_SHORT_ROWS_KEPT = 1 << 20
"""Places of short rows that a source keeps: 24 MB."""


class ShortRows(NamedTuple):
    """Rows of a source that are not full."""

    row: Ints
    """(n_short,) int64, ascending"""
    tokens: Ints
    """(n_short,) int64: real tokens, at least 1"""


def short_rows(row_lengths: NDArray[np.integer], row_tokens: int, first_row: int = 0) -> ShortRows:
    """The rows of `row_lengths` (n,) with less than `row_tokens` real tokens; the first of them is row `first_row`."""
    found = np.flatnonzero(row_lengths < row_tokens)
    return ShortRows(found + first_row, row_lengths[found].astype(np.int64))


def joined(parts: list[ShortRows]) -> ShortRows:
    """Those of all parts, which follow each other."""
    empty = np.empty(0, np.int64)
    return ShortRows(np.concatenate([empty, *(part.row for part in parts)]), np.concatenate([empty, *(part.tokens for part in parts)]))


class _Epoch(NamedTuple):
    """Short rows in the order in which an epoch gives them."""

    place: Ints
    """(n_short,): rows given before each"""
    begin: Ints
    """(n_short,): real tokens of the epoch given before each"""
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
        number, place = divmod(n, self.n_rows)
        epoch = self._epoch(number)
        last = int(epoch.place.searchsorted(place)) - 1
        within = place * self.row_tokens
        if last >= 0:
            within = int(epoch.begin[last] + epoch.tokens[last]) + (place - int(epoch.place[last]) - 1) * self.row_tokens
        return number * self.n_tokens + within

    def draws(self, tokens: float) -> float:
        """Draws by which `tokens` have been given, with the part of the last that is needed; 0 if the source is empty."""
        if not len(self._short.row):
            return tokens / self.row_tokens if self.n_rows else 0.0
        number, rest = divmod(tokens, self.n_tokens)
        epoch = self._epoch(int(number))
        last = int(epoch.begin.searchsorted(rest, side="right")) - 1
        within = rest / self.row_tokens
        if last >= 0:
            inside, size = rest - int(epoch.begin[last]), int(epoch.tokens[last])
            within = int(epoch.place[last]) + (inside / size if inside < size else 1 + (inside - size) / self.row_tokens)
        return number * self.n_rows + within

    def lengths(self, start: int, stop: int) -> Ints:
        """(stop - start,) int64: real tokens of each draw from `start` on."""
        lengths = np.full(stop - start, self.row_tokens, np.int64)
        if not len(self._short.row) or start == stop:
            return lengths
        for number in range(start // self.n_rows, (stop - 1) // self.n_rows + 1):
            epoch, first = self._epoch(number), number * self.n_rows
            inside = slice(*epoch.place.searchsorted((start - first, stop - first)).tolist())
            lengths[epoch.place[inside] + first - start] = epoch.tokens[inside]
        return lengths

    def _epoch(self, number: int) -> _Epoch:
        if number not in self._epochs:
            place = self._order.places_of(self._short.row, np.full(len(self._short.row), number, np.int64))
            by_place = np.argsort(place)
            place, tokens = place[by_place], self._short.tokens[by_place]
            lacking = np.cumsum(self.row_tokens - tokens) - (self.row_tokens - tokens)
            self._epochs[number] = _Epoch(place, place * self.row_tokens - lacking, tokens)
            if len(self._epochs) > max(4, _SHORT_ROWS_KEPT // len(tokens)):
                self._epochs.popitem(last=False)
        return self._epochs[number]
