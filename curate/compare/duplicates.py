"""What exact and near-duplicates share: which document of a cluster is kept, and how many documents it represents."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from curate.compare.collection import Collection
from curate.compare.earlier import Earlier
from curate.dedup.keep import members, preference, survivors
from curate.dedup.recipe import KeepRecipe
from curate.errors import CurateError

Choice = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From documents in order of preference and their cluster labels, (n,) int64 each, to the position of the document kept for each, (n,) int64."""


def settle(collection: Collection, docs: np.ndarray, labels: np.ndarray, keep: Sequence[KeepRecipe]) -> tuple[np.ndarray, np.ndarray]:
    """Choose the survivors of clusters `labels (n,) int64` of `docs (n,)`: a label is the smallest position in `docs` of a cluster's members.

    Returns the documents to drop and the document kept for each, (n_dropped,) int64; adds to the survivors' `cluster_size`.
    """
    clustered = members(labels)
    order = clustered[preference(criteria(collection, docs[clustered], keep))]
    gone, twin = docs[order], docs[order][survivors(labels[order])]
    return _without_survivors(collection, gone, twin)


def settle_after(
    collection: Collection, earlier: Earlier, labels: np.ndarray, keep: Sequence[KeepRecipe], choice: Choice
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Like `settle`, with the documents of earlier runs before those of the collection: `labels (n_earlier + n_docs,) int64`.

    Earlier documents are always kept; `choice` chooses among the others. Returns the documents to drop; whether the document kept for each
    is an earlier one, bool; and the index of that document in `earlier` or in the collection; (n_dropped,) each.
    """
    clustered = members(labels)
    n_before = int(np.searchsorted(clustered, len(earlier)))
    own = clustered[n_before:]
    order = np.concatenate([clustered[:n_before], own[preference(criteria(collection, own - len(earlier), keep))]])
    twin = order[choice(order, labels[order])]
    gone = (order >= len(earlier)) & (twin != order)
    order, twin = order[gone], twin[gone]
    is_earlier = twin < len(earlier)
    dropped = order - len(earlier)
    _without_survivors(collection, dropped[~is_earlier], twin[~is_earlier] - len(earlier))
    by_number = np.argsort(dropped)
    return dropped[by_number], is_earlier[by_number], np.where(is_earlier, twin, twin - len(earlier))[by_number]


def drop_duplicates(
    collection: Collection, earlier: Earlier, stage: str, dropped: np.ndarray, is_earlier: np.ndarray, twin: np.ndarray, value: np.ndarray
) -> None:
    """Drop with verdicts `STAGE/duplicate`, or `STAGE/earlier` for duplicates of earlier documents. `value (n_dropped,)`: NaN where not measured."""
    own = ~is_earlier
    collection.drop(dropped[own], stage, f"{stage}/duplicate", value=_nullable(value[own]), twin=twin[own])
    if is_earlier.any():
        collection.drop(dropped[is_earlier], stage, f"{stage}/earlier", value=_nullable(value[is_earlier]), detail=earlier.names(twin[is_earlier]))


def _nullable(value: np.ndarray) -> pl.Series:
    return pl.Series(value).fill_nan(None)


def _without_survivors(collection: Collection, docs: np.ndarray, twin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(docs)
    gone = order[docs[order] != twin[order]]
    collection.stand_for(docs[gone], twin[gone])
    return docs[gone], twin[gone]


def criteria(collection: Collection, docs: np.ndarray, keep: Sequence[KeepRecipe]) -> list[np.ndarray]:
    """One array per criterion, (n,) for `docs (n,) int64`: smaller is better, NaN last. Raises CurateError for a column that no document has."""
    return [*(_criterion(collection, docs, criterion) for criterion in keep), docs]


def _criterion(collection: Collection, docs: np.ndarray, criterion: KeepRecipe) -> np.ndarray:
    if criterion.by in ("longest", "shortest"):
        return collection.n_bytes[docs] * (-1 if criterion.by == "longest" else 1)
    if criterion.by == "prefer":
        codes, names = collection.sources
        places = np.array([criterion.sources.index(name) if name in criterion.sources else len(criterion.sources) for name in names], np.int64)
        return places[codes[docs]] if len(docs) else docs
    if criterion.by in ("first", "datatrove"):
        return docs
    values = _values(collection, docs, criterion)
    return -values if criterion.by in ("highest", "newest") else values


def _values(collection: Collection, docs: np.ndarray, criterion: KeepRecipe) -> np.ndarray:
    """Numbers of a measured column or a metadata key, or ranks of dates; NaN where missing."""
    if criterion.by in ("highest", "lowest") and criterion.column in collection.signal_names:
        return collection.signal(criterion.column)[docs].astype(np.float64)
    texts = collection.metadata(criterion.column, docs)
    if len(docs) and texts.null_count() == len(docs):
        raise CurateError(f"dedup.keep: {criterion.column}: no duplicate has it as a measured column or in its metadata; name another column or criterion")
    numbers = texts.cast(pl.Float64, strict=False)
    if criterion.by in ("highest", "lowest") or numbers.null_count() == texts.null_count():
        return numbers.to_numpy().astype(np.float64)
    # ISO 8601 dates sort as text.
    ranks = texts.rank("dense").cast(pl.Float64)
    return ranks.to_numpy().astype(np.float64)
