"""Packing of documents into rows of fixed length: best fit decreasing, or end to end; nothing is cropped.

Best fit: "Fewer Truncations Improve Language Modeling" (arXiv 2404.10830). A document longer than a row is cut at multiples of the row length, and
its full pieces become rows of their own. The other pieces are placed from the longest to the shortest, each into the row with the least room that
still holds it, found in a segment tree over the possible rooms: O(n_pieces · log row_tokens).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray


class Packing(NamedTuple):
    """Pieces of documents, ordered by row and within a row by document.

    Row `i` holds pieces `row_offsets[i]:row_offsets[i + 1]`, at least one. Invariants: the pieces cover each document once; no row holds more than
    `row_tokens` tokens. Rows are numbered by their first piece.
    """

    row_offsets: NDArray[np.int64]
    """(n_rows + 1,) int64"""
    doc: NDArray[np.int64]
    """(n_pieces,) int64: index of the document"""
    start: NDArray[np.int64]
    """(n_pieces,) int64: index of the piece's first token in its document"""
    length: NDArray[np.int32]
    """(n_pieces,) int32: tokens in the piece, at least 1"""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.row_offsets) - 1

    def n_split_documents(self) -> int:
        """Number of documents in more than one piece."""
        return int(np.count_nonzero(np.bincount(self.doc) > 1)) if len(self.doc) else 0

    def row_lengths(self) -> NDArray[np.int32]:
        """(n_rows,) int32: real tokens in each row."""
        ends = np.concatenate([[0], np.cumsum(self.length, dtype=np.int64)])
        return np.diff(ends[self.row_offsets]).astype(np.int32)


@dataclass(frozen=True)
class Packer:
    """How documents become rows. `window`: number of consecutive documents packed together; None: all.

    The order of documents is kept up to one window; smaller windows pad more.
    """

    row_tokens: int
    method: str = "best_fit"
    window: int | None = None

    def __call__(self, doc_tokens: NDArray[np.integer]) -> Packing:
        """Pack documents of `doc_tokens` (n_docs,) tokens each. Raises ValueError as `pack`."""
        if self.method == "concat":
            return concat(doc_tokens, self.row_tokens)
        step = self.window or max(len(doc_tokens), 1)
        return _joined([pack(doc_tokens[first : first + step], self.row_tokens) for first in range(0, max(len(doc_tokens), 1), step)], step)


def _joined(packings: list[Packing], step: int) -> Packing:
    """One packing of consecutive windows of `step` documents."""
    if len(packings) == 1:
        return packings[0]
    pieces_before = np.cumsum([0] + [len(packing.doc) for packing in packings])
    offsets = [packing.row_offsets[1:] + before for packing, before in zip(packings, pieces_before, strict=False)]
    return Packing(
        np.concatenate([[0], *offsets]),
        np.concatenate([packing.doc + number * step for number, packing in enumerate(packings)]),
        np.concatenate([packing.start for packing in packings]),
        np.concatenate([packing.length for packing in packings]),
    )


def concat(doc_tokens: NDArray[np.integer], row_tokens: int) -> Packing:
    """Documents of `doc_tokens` (n_docs,) tokens each end to end, cut wherever a row of `row_tokens` ends; the last row may be shorter.

    This is what most trainers do: the order of documents stays, and documents that cross the end of a row are split. Raises ValueError as `pack`.
    """
    lengths = _checked(doc_tokens, row_tokens)
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    begins = np.union1d((ends - lengths)[lengths > 0], np.arange(0, total, row_tokens))
    doc = np.searchsorted(ends, begins, side="right")
    row_offsets = np.searchsorted(begins, np.arange(0, total + row_tokens, row_tokens)[: -(-total // row_tokens) + 1])
    return Packing(row_offsets, doc, begins - (ends - lengths)[doc], np.diff(begins, append=total).astype(np.int32))


def _checked(doc_tokens: NDArray[np.integer], row_tokens: int) -> NDArray[np.int64]:
    if row_tokens < 1:
        raise ValueError(f"row_tokens is {row_tokens}, expected at least 1")
    lengths = np.ascontiguousarray(doc_tokens, dtype=np.int64)
    if len(lengths) and lengths.min() < 0:
        raise ValueError(f"a document has {lengths.min()} tokens, expected at least 0")
    return lengths


def pack(doc_tokens: NDArray[np.integer], row_tokens: int) -> Packing:
    """Pack documents of `doc_tokens` (n_docs,) tokens each into rows of at most `row_tokens` tokens, by best fit decreasing.

    A document that fits in a row is one piece. Ties: pieces of equal length go in document order; among rows with equal room the most recently
    filled one is taken. Empty documents get no piece. The result depends only on the arguments. Raises ValueError if `row_tokens` is below 1 or a
    length is negative.
    """
    lengths = _checked(doc_tokens, row_tokens)
    doc, start, length = _split(lengths, row_tokens, int((-(-lengths // row_tokens)).sum()))
    row_offsets, order = _by_row(*_best_fit(length, row_tokens))
    return Packing(row_offsets, doc[order], start[order], length[order])


@njit(cache=True, nogil=True)
def _split(doc_tokens, row_tokens, n_pieces):  # type: ignore[no-untyped-def]
    """Pieces in document order, each of `row_tokens` tokens except the last of a document."""
    doc, start, length = np.empty(n_pieces, np.int64), np.empty(n_pieces, np.int64), np.empty(n_pieces, np.int32)
    piece = 0
    for number in range(len(doc_tokens)):
        for begin in range(0, doc_tokens[number], row_tokens):
            doc[piece], start[piece] = number, begin
            length[piece] = min(row_tokens, doc_tokens[number] - begin)
            piece += 1
    return doc, start, length


@njit(cache=True, nogil=True)
def _longest_first(length, row_tokens):  # type: ignore[no-untyped-def]
    """Piece numbers by decreasing length, equal ones in order: a counting sort."""
    position = np.zeros(row_tokens + 2, np.int64)
    for piece in range(len(length)):
        position[row_tokens - length[piece] + 1] += 1
    position = np.cumsum(position)
    order = np.empty(len(length), np.int64)
    for piece in range(len(length)):
        key = row_tokens - length[piece]
        order[position[key]] = piece
        position[key] += 1
    return order


@njit(cache=True, nogil=True)
def _best_fit(length, row_tokens):  # type: ignore[no-untyped-def]
    """Bin of each piece, and the number of bins.

    Bins with equal room form a linked stack: `top[room]`, then `below[bin]`. `tree` is a segment tree whose leaf `n_leaves + room` is true if that
    stack holds a bin.
    """
    n_leaves = 1
    while n_leaves <= row_tokens:
        n_leaves *= 2
    tree = np.zeros(2 * n_leaves, np.bool_)
    top, below = np.full(row_tokens + 1, -1, np.int64), np.empty(len(length), np.int64)
    bin_of = np.empty(len(length), np.int64)
    n_bins = 0
    for piece in _longest_first(length, row_tokens):
        room = _least_room(tree, n_leaves, length[piece])
        if room < 0:
            bin_, room = n_bins, row_tokens
            n_bins += 1
        else:
            bin_ = top[room]
            top[room] = below[bin_]
            if top[room] < 0:
                _clear(tree, n_leaves + room)
        bin_of[piece] = bin_
        room -= length[piece]
        if room > 0:
            below[bin_] = top[room]
            top[room] = bin_
            _set(tree, n_leaves + room)
    return bin_of, n_bins


@njit(cache=True, nogil=True)
def _least_room(tree, n_leaves, needed):  # type: ignore[no-untyped-def]
    """The smallest room of at least `needed` among the bins, or -1."""
    node = n_leaves + needed
    while not tree[node]:
        while node & 1:
            node >>= 1
        if node == 0:
            return -1
        node += 1
    while node < n_leaves:
        node *= 2
        if not tree[node]:
            node += 1
    return node - n_leaves


@njit(cache=True, nogil=True)
def _set(tree, node):  # type: ignore[no-untyped-def]
    while node and not tree[node]:
        tree[node] = True
        node >>= 1


@njit(cache=True, nogil=True)
def _clear(tree, node):  # type: ignore[no-untyped-def]
    tree[node] = False
    while node > 1 and not tree[node ^ 1]:
        node >>= 1
        tree[node] = False


@njit(cache=True, nogil=True)
def _by_row(bin_of, n_bins):  # type: ignore[no-untyped-def]
    """Number the bins by their first piece; offsets of the rows, and the pieces in row order."""
    row_of_bin, size = np.full(n_bins, -1, np.int64), np.zeros(n_bins + 1, np.int64)
    n_rows = 0
    for piece in range(len(bin_of)):
        if row_of_bin[bin_of[piece]] < 0:
            row_of_bin[bin_of[piece]] = n_rows
            n_rows += 1
        size[row_of_bin[bin_of[piece]] + 1] += 1
    offsets = np.cumsum(size)
    position, order = offsets[:-1].copy(), np.empty(len(bin_of), np.int64)
    for piece in range(len(bin_of)):
        row = row_of_bin[bin_of[piece]]
        order[position[row]] = piece
        position[row] += 1
    return offsets, order
