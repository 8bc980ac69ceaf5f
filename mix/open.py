"""The sources of a recipe, opened: which documents become rows, how often, and in which order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.arrange import ArrangedSource, Numbers, arranged
from mix.columns import DocumentColumns, Groups
from mix.errors import MixError
from mix.group_names import folded, group_names
from mix.recipe import MixRecipe, OrderRecipe, RepeatsRecipe, SourceRecipe
from mix.repeats import repeat_ranges
from mix.sources import TokenSource
from mix.stages import SourceSize

MOST_SOURCES = 1 << 15
"""Upper limit of sources: a plan's short rows number them in int16."""

_LEAST_WINDOW, _MOST_WINDOW = 64, 4096
"""Bounds of the packing window of a source that is ordered by a score, where the recipe gives none."""


def open_sources(recipe: MixRecipe) -> list[TokenSource]:
    """All sources in the recipe's order, split ones as their groups. Raises MixError for an unusable source and for two sources with one name."""
    sources = [source for name, source_recipe in recipe.sources.items() for source in open_source(name, source_recipe)]
    by_folder: dict[str, TokenSource] = {}
    for source in sources:
        other = by_folder.setdefault(folded(source.name), source)
        if other is not source:
            raise MixError(f"{_described(other)} and {_described(source)} would share one folder; rename one of the sources in the recipe")
    if len(sources) > MOST_SOURCES:
        raise MixError(f"{len(sources):,} sources, and a mix has at most {MOST_SOURCES:,}; give several tokens sets to one source, or split by another column")
    return sources


def _described(source: TokenSource) -> str:
    return f"source {source.name}" if source.value is None else f"the group {source.value!r} of source {source.parent}"


def sizes_of(sources: list[TokenSource]) -> list[SourceSize]:
    """Name, recipe source and tokens of opened sources."""
    names = {source.name for source in sources}
    labels = [f"{source.parent}.{source.value}" if source.value else "" for source in sources]
    return [SourceSize(source.name, source.parent, source.n_tokens, "" if label in names else label) for source, label in zip(sources, labels, strict=True)]


def open_source(name: str, recipe: SourceRecipe) -> list[TokenSource]:
    """The sources that one source of a recipe stands for: itself, or with `split` one for each group. Raises MixError."""
    whole = TokenSource(name, recipe.tokens, verify=False)
    if not (recipe.split or recipe.repeats or recipe.order):
        return [whole]
    columns = DocumentColumns(name, recipe.documents, whole.sets, recipe.columns) if recipe.columns else None
    lengths = whole.lengths()
    synthetic = whole.synthetic() if whole.n_synthetic_tokens else np.zeros(len(lengths), bool)
    times = _times(recipe.repeats, columns) if recipe.repeats and columns else None
    scores = _scores(recipe.order, columns, lengths) if recipe.order else None
    groups = columns.groups(recipe.split) if recipe.split and columns else Groups([""], np.zeros(len(lengths), np.int64))
    if len(groups.values) > MOST_SOURCES:
        raise MixError(f"source {name}: column {recipe.split} has {len(groups.values):,} values, and a mix at most {MOST_SOURCES:,} sources; split by another")
    names = group_names(name, groups.values) if recipe.split else [name]
    members = np.split(np.argsort(groups.group, kind="stable"), np.cumsum(np.bincount(groups.group, minlength=len(names)))[:-1])
    sources: list[TokenSource] = []
    for group_name, value, own in zip(names, groups.values, members, strict=True):
        numbers = arranged(own, times, scores, descending=recipe.order is not None and recipe.order.direction == "down")
        arrangement = _arrangement(recipe, value, len(numbers))
        parents = columns.parents if columns else ()
        source = ArrangedSource(group_name, recipe.tokens, numbers, int(lengths[numbers].sum()), arrangement, parents)
        source.n_synthetic_tokens = int(lengths[numbers[synthetic[numbers]]].sum())
        source.parent, source.value = name, value if recipe.split else None
        sources.append(source)
    return sources


def _times(recipe: RepeatsRecipe, columns: DocumentColumns) -> Numbers:
    """(n_docs,): repeats of each document; see `RepeatsRecipe`."""
    values = columns.numbers(recipe.column)
    if recipe.times is None:
        if not np.array_equal(values, np.floor(values)) or values.min(initial=0) < 0:
            raise MixError(f"repeats: column {recipe.column} must hold whole numbers of at least 0, because `times` is null; give `times`, or another column")
        return values.astype(np.int64)
    ranges = repeat_ranges(recipe.times)
    table = np.array([step.times for step in ranges])
    times = table[np.searchsorted([step.low for step in ranges[1:]], np.nan_to_num(values, nan=-np.inf), side="right")]
    return np.where(np.isnan(values), 1, times)


def _scores(recipe: OrderRecipe, columns: DocumentColumns | None, lengths: Numbers) -> NDArray[np.float64]:
    """(n_docs,) float64: the score that orders the documents."""
    if recipe.by == "n_tokens":
        return lengths.astype(np.float64)
    assert columns is not None
    if recipe.by == "fertility":
        n_words = columns.numbers("n_words")
        return np.divide(lengths, n_words, out=np.full(len(lengths), np.nan), where=n_words > 0)
    return columns.numbers(recipe.by)


def _arrangement(recipe: SourceRecipe, group: str, n_documents: int) -> dict[str, Any]:
    """What decides the rows besides the documents: part of the recipe of the rows set."""
    order = recipe.order
    return {
        "split": [recipe.split, group] if recipe.split else None,
        "repeats": recipe.repeats.model_dump(mode="json") if recipe.repeats else None,
        "order": [order.by, order.direction, order.window or min(max(n_documents // 100, _LEAST_WINDOW), _MOST_WINDOW)] if order else None,
    }
