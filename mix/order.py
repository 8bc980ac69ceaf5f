"""The order of rows: a pure function of the plan and the row number.

The plan holds the source of each row of the run (two bytes beside the row's thousands), and at every `BLOCK_ROWS`-th row how
often each source was drawn. Which of a source's rows it is follows by arithmetic: draws ÷ rows is the epoch, and the remainder
goes through a permutation keyed by seed, source and epoch. Nothing is replayed, so any row costs the same.
"""

from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import ArrayLike, NDArray

from mix.plan import BLOCK_ROWS, Plan

_ROUNDS = 6
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # odd, so its multiples differ modulo 2**64
_ROUND_KEYS = np.arange(1, _ROUNDS + 1, dtype=np.uint64) * _GOLDEN


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
    return RowRefs(source, epoch, row)


def source_key(seed: int, name: str) -> int:
    """64-bit key of a source's order: by name, so that adding a source does not reorder the others."""
    return xxhash.xxh3_64_intdigest(f"{seed}/{name}")


def drawn_rows(draw: NDArray[np.int64], n_rows: ArrayLike, key: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Epoch and row of the `draw`-th (n,) draw from a source of `n_rows` rows: each epoch gives every row once, in its own order."""
    epoch, place = np.divmod(draw, n_rows)
    return epoch, permuted(place, np.broadcast_to(n_rows, draw.shape), _epoch_keys(epoch, key))


def places_of(epoch: NDArray[np.int64], row: NDArray[np.int64], n_rows: ArrayLike, key: ArrayLike) -> NDArray[np.int64]:
    """(m,) int64: the place, counted from 0, at which each `row` (m,) comes within its `epoch` (m,); the inverse of `drawn_rows`."""
    return unpermuted(row, np.broadcast_to(n_rows, row.shape), _epoch_keys(epoch, key))


def permuted(place: NDArray[np.int64], n: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(m,) int64: the image of each `place` under the permutation of [0, n) with its `key`; all arguments are (m,).

    A Feistel network over a grid of about √n by √n: each round adds a hash of one coordinate to the other, modulo its side, and
    so is a bijection of the grid. What lands outside [0, n) goes through again (cycle walking, Black and Rogaway 2002).
    """
    width = np.ceil(np.sqrt(n)).astype(np.int64)
    height = -(-n // width)
    image = _rounds(place, width, height, key)
    while len(outside := np.flatnonzero(image >= n)):
        image[outside] = _rounds(image[outside], width[outside], height[outside], key[outside])
    return image


def unpermuted(image: NDArray[np.int64], n: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(m,) int64: the inverse of `permuted`: each `image` walks its cycle backwards until it is inside [0, n)."""
    width = np.ceil(np.sqrt(n)).astype(np.int64)
    height = -(-n // width)
    place = _rounds_back(image, width, height, key)
    while len(outside := np.flatnonzero(place >= n)):
        place[outside] = _rounds_back(place[outside], width[outside], height[outside], key[outside])
    return place


def _epoch_keys(epoch: NDArray[np.int64], key: ArrayLike) -> NDArray[np.uint64]:
    return _mixed(np.asarray(key, np.uint64) + (epoch.astype(np.uint64) + np.uint64(1)) * _GOLDEN)


def _rounds(place: NDArray[np.int64], width: NDArray[np.int64], height: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    high, low = (part.astype(np.uint64) for part in np.divmod(place, width))
    n_columns, n_lines = width.astype(np.uint64), height.astype(np.uint64)
    for number, round_key in enumerate(_ROUND_KEYS):
        if number % 2:
            high = (high + _mixed(low ^ (key + round_key)) % n_lines) % n_lines
        else:
            low = (low + _mixed(high ^ (key + round_key)) % n_columns) % n_columns
    return (high * n_columns + low).astype(np.int64)


def _rounds_back(image: NDArray[np.int64], width: NDArray[np.int64], height: NDArray[np.int64], key: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The rounds in reverse order, each taking away what `_rounds` added."""
    high, low = (part.astype(np.uint64) for part in np.divmod(image, width))
    n_columns, n_lines = width.astype(np.uint64), height.astype(np.uint64)
    for number in reversed(range(_ROUNDS)):
        if number % 2:
            high = (high + n_lines - _mixed(low ^ (key + _ROUND_KEYS[number])) % n_lines) % n_lines
        else:
            low = (low + n_columns - _mixed(high ^ (key + _ROUND_KEYS[number])) % n_columns) % n_columns
    return (high * n_columns + low).astype(np.int64)


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of MurmurHash3: every bit of the input moves every bit of the output."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


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
