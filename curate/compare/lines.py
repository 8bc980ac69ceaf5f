"""Repeated lines are cut from documents; documents with too few words left are dropped."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from curate.compare.collection import Collection
from curate.compare.texts import pieces
from curate.dedup.lines import NO_KEY, LineCuts, LineTable, cut_lines, window_keys
from curate.dedup.occurrences import Ranks, surplus_occurrences
from curate.dedup.recipe import LinesRecipe
from curate.steps.lines import line_table

N_SHOWN = 30
"""Number of lines that the report shows, most frequent first."""


def cut_repeated_lines(collection: Collection, lines: LinesRecipe) -> None:
    """Cut repeated lines, and drop documents with too few words left.

    Lines of dropped documents must not count, so after a drop the lines are counted again without them. No document falls short in the
    second count, because documents can only regain lines.
    """
    n_docs = int(collection.passed.sum())
    ranks = _repeated(collection, lines)
    short, words_left = _short(collection, lines, ranks)
    collection.drop(short, "lines", "lines/too_few_words", value=words_left, threshold=lines.min_words)
    if len(short):
        ranks = _repeated(collection, lines)
    n_cut = n_lines = n_bytes = 0
    for first, cuts in _cuts(collection, lines, ranks):
        collection.cut(cuts.docs + first, cuts.starts, cuts.ends)
        n_cut += int(np.count_nonzero(cuts.lines_cut))
        n_lines, n_bytes = n_lines + int(cuts.lines_cut.sum()), n_bytes + int((cuts.ends - cuts.starts).sum())
    summary = {"documents": n_docs, "dropped": len(short), "cut": n_cut, "pieces": n_lines, "bytes": n_bytes}
    collection.note("lines", summary | {"top_removed": _most_frequent(collection, lines, ranks)})


def _tables(collection: Collection) -> Iterator[tuple[int, LineTable]]:
    for first, table in zip(collection.offsets, collection.tables("lines"), strict=False):
        yield int(first), line_table(table)


def _repeated(collection: Collection, lines: LinesRecipe) -> Ranks:
    def stream() -> Iterator[np.ndarray]:
        for first, table in _tables(collection):
            yield window_keys(table, lines.window, lines.min_chars, collection.passed[first : first + len(table.doc_offsets) - 1])

    return surplus_occurrences(stream, lines.copies, N_SHOWN, ignored=NO_KEY)


def _cuts(collection: Collection, lines: LinesRecipe, ranks: Ranks) -> Iterator[tuple[int, LineCuts]]:
    place = 0
    for first, table in _tables(collection):
        surplus = ranks.surplus[place : place + len(table.keys)]
        yield first, cut_lines(table, surplus, lines.window, collection.n_bytes[first : first + len(table.doc_offsets) - 1])
        place += len(surplus)


def _short(collection: Collection, lines: LinesRecipe, ranks: Ranks) -> tuple[np.ndarray, np.ndarray]:
    """Documents with too few words left, and those numbers of words."""
    found, words = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for first, cuts in _cuts(collection, lines, ranks):
        rows = np.flatnonzero((cuts.lines_cut > 0) & (cuts.words_left < lines.min_words))
        found.append(rows + first)
        words.append(cuts.words_left[rows])
    return np.concatenate(found), np.concatenate(words)


def _most_frequent(collection: Collection, lines: LinesRecipe, ranks: Ranks) -> list[dict[str, Any]]:
    """The lines cut most often, as written in the first document that has them."""
    places: list[tuple[int, int, int]] = [(-1, 0, 0)] * len(ranks.frequent)
    base = 0
    for first, table in _tables(collection):
        for number, one in enumerate(ranks.frequent):
            line = one.first - base
            if 0 <= line < len(table.keys):
                doc = int(np.searchsorted(table.doc_offsets, line, side="right")) - 1
                places[number] = (first + doc, int(table.starts[line]), int(table.ends[line + lines.window - 1]))
        base += len(table.keys)
    texts = pieces(collection, places)
    return [{"count": one.n_times, "text": text} for one, text in zip(ranks.frequent, texts, strict=True)]
