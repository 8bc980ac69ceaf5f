"""Shares of the sources over a run: how many real tokens each source should have given at any position, and when.

Inside a piece the share of a source is linear in the position, so the tokens asked of it are a quadratic of the position, and the inverse
is a square root. Everything is in closed form: no step depends on the one before.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Shares(NamedTuple):
    """Shares by piece and source. A piece has a positive number of tokens, and its shares sum to 1 at every point.

    A stage of a recipe is several pieces if its weights bend, step or are curved (`stages.StagePlan`).
    """

    piece_tokens: Floats
    """(n_pieces,): real tokens of each piece"""
    begin: Floats
    """(n_pieces, n_sources): share at the beginning of the piece"""
    end: Floats
    """(n_pieces, n_sources): share at its end"""

    @property
    def bounds(self) -> Floats:
        """(n_pieces + 1,): tokens before each piece, and in total."""
        return np.concatenate([[0.0], np.cumsum(self.piece_tokens)])

    def of_pieces(self, pieces: Sequence[int]) -> "Shares":
        """The shares of these pieces alone."""
        return Shares(self.piece_tokens[pieces], self.begin[pieces], self.end[pieces])

    @property
    def cumulative(self) -> Floats:
        """(n_pieces + 1, n_sources): tokens requested from each source before each piece, and in total."""
        by_piece = self.piece_tokens[:, None] * (self.begin + self.end) / 2
        return np.concatenate([np.zeros((1, self.begin.shape[1])), np.cumsum(by_piece, axis=0)])


def cut(shares: Shares, position: float) -> Shares:
    """The shares of the first `position` real tokens of the run, or all of them if the run has no more."""
    bounds = shares.bounds
    n_pieces = int(np.searchsorted(bounds[:-1], position))
    begin, end, tokens = shares.begin[:n_pieces], shares.end[:n_pieces].copy(), shares.piece_tokens[:n_pieces].copy()
    if n_pieces and position < bounds[n_pieces]:
        tokens[-1] = position - bounds[n_pieces - 1]
        end[-1] = begin[-1] + (end[-1] - begin[-1]) * (tokens[-1] / shares.piece_tokens[n_pieces - 1])
    return Shares(tokens, begin, end)


def without_first(shares: Shares, tokens: float) -> Shares:
    """The shares after the first `tokens` real tokens; no pieces if there are none left."""
    bounds = shares.bounds
    first = int(np.searchsorted(bounds[1:], tokens, side="right"))
    begin, end, piece_tokens = shares.begin[first:].copy(), shares.end[first:], shares.piece_tokens[first:].copy()
    if len(piece_tokens):
        done = tokens - bounds[first]
        begin[0] += (end[0] - begin[0]) * (done / piece_tokens[0])
        piece_tokens[0] -= done
    return Shares(piece_tokens, begin, end)


def joined(first: Shares, second: Shares) -> Shares:
    """`first`, then `second`, which may have more sources; they have no share before."""
    n_new = second.begin.shape[1] - first.begin.shape[1]
    begin, end = (np.pad(ends, ((0, 0), (0, n_new))) for ends in (first.begin, first.end))
    return Shares(np.concatenate([first.piece_tokens, second.piece_tokens]), np.concatenate([begin, second.begin]), np.concatenate([end, second.end]))


class Flow:
    """The ideal that rows follow, all sources giving at once at their shares: requested tokens by position and the inverse, both in real tokens."""

    def __init__(self, shares: Shares) -> None:
        self._bounds, self._cumulative = shares.bounds.tolist(), shares.cumulative
        self._length, self._begin, self._slope = shares.piece_tokens, shares.begin, shares.end - shares.begin
        self._first_tokens = np.append(shares.bounds, np.inf)

    @property
    def total(self) -> float:
        """Tokens of the run."""
        return self._bounds[-1]

    def asked(self, position: float) -> Floats:
        """(n_sources,): tokens requested from each source within the first `position` tokens of the run; constant beyond the run's end."""
        piece = min(max(bisect_right(self._bounds, position) - 1, 0), len(self._length) - 1)
        length = self._length[piece]
        done = min(max((position - self._bounds[piece]) / length, 0.0), 1.0)
        return self._cumulative[piece] + length * done * (self._begin[piece] + self._slope[piece] * (done / 2))

    def when(self, source: NDArray[np.int64], tokens: NDArray[np.int64]) -> Floats:
        """(n,): the position from which more than `tokens` (n,) are requested from each `source` (n,), or infinity."""
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
