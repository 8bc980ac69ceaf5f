"""Which documents of a source become rows, how often, and in which order, where that is not simply all of them as they lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mix.columns import DocumentColumns, Groups
from mix.errors import MixError
from mix.group_names import group_names
from mix.recipe import OrderRecipe, RepeatsRecipe, SourceRecipe
from mix.repeats import repeat_ranges
from mix.sources import DocumentWindow, TokenSource, fixed_bytes
from shards.manifest import Parent
from shards.read import ShardSet

Numbers = NDArray[np.int64]

MOST_SOURCES = 1 << 15
"""Numbers of sources are int16 in a plan's short rows."""

_LEAST_WINDOW, _MOST_WINDOW = 64, 4096
"""Bounds of the packing window of a source that is ordered by a score, where the recipe names none."""


class ArrangedSource(TokenSource):
    """Documents of tokens sets by number, in any order and any number of times; read wherever they lie."""

    def __init__(self, name: str, folders: Sequence[Path], numbers: Numbers, n_tokens: int, arrangement: dict[str, Any], parents: tuple[Parent, ...]) -> None:
        super().__init__(name, folders, verify=False)
        self.numbers = numbers
        """(n_documents,) int64: numbers of documents over all sets, in the order in which they are packed"""
        self.n_documents, self.n_tokens = len(numbers), n_tokens
        self.arrangement = arrangement
        self.packing_window = arrangement["order"][2] if arrangement.get("order") else None
        self._document_parents = parents

    @property
    def parents(self) -> tuple[Parent, ...]:
        """Lineage entries of the tokens sets, and of the documents sets whose columns decide."""
        return (*super().parents, *self._document_parents)

    def verify_all(self) -> None:
        """Verify all files, since windows of scattered documents read them without. Raises MixError."""
        TokenSource(self.name, self.folders).lengths()

    def _documents(self, start: int, stop: int) -> DocumentWindow:
        return _gathered(self.sets, self.numbers[start:stop])


def open_source(name: str, recipe: SourceRecipe) -> list[TokenSource]:
    """The sources that a recipe's source stands for: itself, or with `split` one for each group. Raises MixError."""
    whole = TokenSource(name, recipe.tokens, verify=False)
    if not (recipe.split or recipe.repeats or recipe.order):
        return [whole]
    columns = DocumentColumns(name, recipe.documents, whole.sets, recipe.columns) if recipe.columns else None
    lengths = whole.lengths()
    times = _times(recipe.repeats, columns) if recipe.repeats and columns else None
    scores = _scores(recipe.order, columns, lengths) if recipe.order else None
    groups = columns.groups(recipe.split) if recipe.split and columns else Groups([""], np.zeros(len(lengths), np.int64))
    if len(groups.values) > MOST_SOURCES:
        raise MixError(f"source {name}: column {recipe.split} has {len(groups.values):,} values, and a mix at most {MOST_SOURCES:,} sources; split by another")
    names = group_names(name, groups.values) if recipe.split else [name]
    members = np.split(np.argsort(groups.group, kind="stable"), np.cumsum(np.bincount(groups.group, minlength=len(names)))[:-1])
    sources: list[TokenSource] = []
    for own_name, value, own in zip(names, groups.values, members, strict=True):
        numbers = arranged(own, times, scores, descending=recipe.order is not None and recipe.order.direction == "down")
        arrangement = _arrangement(recipe, value, len(numbers))
        parents = columns.parents if columns else ()
        source = ArrangedSource(own_name, recipe.tokens, numbers, int(lengths[numbers].sum()), arrangement, parents)
        source.parent, source.value = name, value if recipe.split else None
        sources.append(source)
    return sources


def arranged(numbers: Numbers, times: Numbers | None, scores: NDArray[np.float64] | None, *, descending: bool) -> Numbers:
    """Documents `numbers` (n,), each `times` (n_all,) times, in the order of `scores` (n_all,); ties in the order in which they lie.

    Without scores, all first copies come before all second ones, so that copies lie far apart. Documents without a score (NaN) come last.
    """
    if times is not None:
        numbers = np.concatenate([numbers[times[numbers] > copy] for copy in range(int(times[numbers].max(initial=0)))] or [numbers[:0]])
    if scores is not None:
        numbers = numbers[np.argsort(-scores[numbers] if descending else scores[numbers], kind="stable")]
    return numbers


def _times(recipe: RepeatsRecipe, columns: DocumentColumns) -> Numbers:
    """(n_docs,): repeats of each document; see `RepeatsRecipe`."""
    values = columns.numbers(recipe.column)
    if recipe.times is None:
        if not np.array_equal(values, np.floor(values)) or values.min(initial=0) < 0:
            raise MixError(f"repeats: column {recipe.column} says how often, but holds other than whole numbers of 0 or more; give `times`, or another column")
        return values.astype(np.int64)
    ranges = repeat_ranges(recipe.times)
    table = np.array([step.times for step in ranges])
    found = table[np.searchsorted([step.low for step in ranges[1:]], np.nan_to_num(values, nan=-np.inf), side="right")]
    return np.where(np.isnan(values), 1, found)


def _scores(recipe: OrderRecipe, columns: DocumentColumns | None, lengths: Numbers) -> NDArray[np.float64]:
    """(n_docs,) float64: what documents are ordered by."""
    if recipe.by == "n_tokens":
        return lengths.astype(np.float64)
    assert columns is not None
    if recipe.by == "fertility":
        n_words = columns.numbers("n_words")
        return np.divide(lengths, n_words, out=np.full(len(lengths), np.nan), where=n_words > 0)
    return columns.numbers(recipe.by)


def _arrangement(recipe: SourceRecipe, group: str, n_documents: int) -> dict[str, Any]:
    """What beside the documents decides the rows: part of the recipe of the rows set."""
    order = recipe.order
    return {
        "split": [recipe.split, group] if recipe.split else None,
        "repeats": recipe.repeats.model_dump(mode="json") if recipe.repeats else None,
        "order": [order.by, order.direction, order.window or min(max(n_documents // 100, _LEAST_WINDOW), _MOST_WINDOW)] if order else None,
    }


def _gathered(sets: Sequence[ShardSet], numbers: Numbers) -> DocumentWindow:
    """Documents by number over all sets, in the order given."""
    files = [(tokens, number, file.n_rows) for tokens in sets for number, file in enumerate(tokens.manifest.files)]
    first = np.cumsum([0] + [n_rows for *_, n_rows in files])
    n = len(numbers)
    window = DocumentWindow(np.empty((n, 16), np.uint8), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int32), [])
    order = np.argsort(numbers, kind="stable")
    ends = np.searchsorted(numbers[order], first)
    for file in np.flatnonzero(np.diff(ends)):
        tokens, number, _ = files[file]
        places = order[ends[file] : ends[file + 1]]
        _read_file(tokens.table(number), numbers[places] - first[file], places, window)
    return window


def _read_file(table: pa.Table, rows: Numbers, places: Numbers, window: DocumentWindow) -> None:
    """Fill a window's `places` with `rows` of one file, ascending."""
    batches = table.select(["doc_id", "tokens"]).to_batches()
    first = np.cumsum([0] + [batch.num_rows for batch in batches])
    ends = np.searchsorted(rows, first)
    for index in np.flatnonzero(np.diff(ends)):
        at, row = places[ends[index] : ends[index + 1]], rows[ends[index] : ends[index + 1]] - first[index]
        tokens = batches[index].column("tokens")
        offsets = tokens.offsets.to_numpy()
        window.doc_id[at] = fixed_bytes(batches[index].column("doc_id"))[row]
        window.begin[at], window.length[at], window.chunk[at] = offsets[row], offsets[row + 1] - offsets[row], len(window.values)
        window.values.append(tokens.values.to_numpy())
