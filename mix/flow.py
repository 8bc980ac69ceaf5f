"""The flow that the rows of a mix follow: all sources giving at once, each at its share.

Between the ends of a piece a share is linear in the position, so what is asked of a source is a quadratic of it, and the position at
which an amount is asked is a square root.
"""

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from mix.shares import Shares

Floats = NDArray[np.float64]


class Flow:
    """Asked tokens by position and positions by asked tokens, both in real tokens of the run."""

    def __init__(self, shares: Shares) -> None:
        self._bounds, self._cumulative = shares.bounds.tolist(), shares.cumulative
        self._length, self._begin, self._slope = shares.stage_tokens, shares.begin, shares.end - shares.begin
        self._first_tokens = np.append(shares.bounds, np.inf)

    @property
    def total(self) -> float:
        """Tokens of the run."""
        return self._bounds[-1]

    def asked(self, position: float) -> Floats:
        """(n_sources,): tokens asked of each source within the first `position` tokens of the run; no more beyond its end."""
        piece = min(max(bisect_right(self._bounds, position) - 1, 0), len(self._length) - 1)
        length = self._length[piece]
        done = min(max((position - self._bounds[piece]) / length, 0.0), 1.0)
        return self._cumulative[piece] + length * done * (self._begin[piece] + self._slope[piece] * (done / 2))

    def when(self, source: NDArray[np.int64], tokens: NDArray[np.int64]) -> Floats:
        """(n,): the position at which more than `tokens` (n,) begin to be asked of each `source` (n,), or infinity."""
        piece = (self._cumulative[1:, source] <= tokens).sum(axis=0)
        where = np.full(len(source), np.inf)
        inside = piece < len(self._length)
        piece, source, tokens = piece[inside], source[inside], tokens[inside]
        asked = np.maximum((tokens - self._cumulative[piece, source]) / self._length[piece], 0.0)
        first, slope = self._begin[piece, source], self._slope[piece, source]
        root = first + np.sqrt(np.maximum(first * first + 2 * slope * asked, 0.0))
        part = np.divide(2 * asked, root, out=np.zeros_like(asked), where=root > 0)
        where[inside] = self._first_tokens[piece] + self._length[piece] * part
        return where
