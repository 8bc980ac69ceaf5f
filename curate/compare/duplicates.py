"""What exact and near copies have in common: which one of a cluster stays, and what it then stands for."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from curate.compare.collection import Collection
from curate.compare.earlier import Earlier
from curate.dedup.keep import members, preference, survivors
from curate.dedup.recipe import KeepRecipe
from curate.errors import CurateError

Choice = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Documents in order of preference and their labels, (n,) int64 both, to the place of the one that stays for each, (n,) int64."""


def settle(collection: Collection, docs: np.ndarray, labels: np.ndarray, keep: Sequence[KeepRecipe]) -> tuple[np.ndarray, np.ndarray]:
    """Choose the survivors of clusters `labels (n,) int64` of `docs (n,)`: labels are the smallest place in `docs` of a cluster's members.

    Returns the documents to drop and the twin that stays for each, (n_dropped,) int64; the survivors' `cluster_size` grows.
    """
    some = members(labels)
    order = some[preference(criteria(collection, docs[some], keep))]
    gone, twin = docs[order], docs[order][survivors(labels[order])]
    return _without_survivors(collection, gone, twin)


def settle_after(
    collection: Collection, earlier: Earlier, labels: np.ndarray, keep: Sequence[KeepRecipe], choice: Choice
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same for clusters of the documents of earlier runs and then all of the collection, `labels (n_earlier + n_docs,) int64`.

    Earlier documents stay in any case. `choice` says which others do, of places among both. Returns documents to drop, which
    of them have an earlier twin, bool, and the twin: its number in `earlier` or in the collection; (n_dropped,) each.
    """
    some = members(labels)
    n_before = int(np.searchsorted(some, len(earlier)))
    own = some[n_before:]
    order = np.concatenate([some[:n_before], own[preference(criteria(collection, own - len(earlier), keep))]])
    twin = order[choice(order, labels[order])]
    gone = (order >= len(earlier)) & (twin != order)
    order, twin = order[gone], twin[gone]
    is_earlier = twin < len(earlier)
    dropped = order - len(earlier)
    _without_survivors(collection, dropped[~is_earlier], twin[~is_earlier] - len(earlier))
    by_number = np.argsort(dropped)
    return dropped[by_number], is_earlier[by_number], np.where(is_earlier, twin, twin - len(earlier))[by_number]


def drop_copies(collection: Collection, earlier: Earlier, stage: str, dropped: np.ndarray, is_earlier: np.ndarray, twin: np.ndarray, value: np.ndarray) -> None:
    """Verdicts `STAGE/duplicate`, and `STAGE/earlier` for copies of what an earlier run kept; `value (n_dropped,)`, NaN where nothing was measured."""
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
    """One column a criterion, (n,) of `docs (n,) int64` each, in which less is better and NaN is last. Raises CurateError for a column that nobody has."""
    return [*(_criterion(collection, docs, one) for one in keep), docs]


def _criterion(collection: Collection, docs: np.ndarray, one: KeepRecipe) -> np.ndarray:
    if one.by in ("longest", "shortest"):
        return collection.n_bytes[docs] * (-1 if one.by == "longest" else 1)
    if one.by == "prefer":
        codes, names = collection.sources
        places = np.array([one.sources.index(name) if name in one.sources else len(one.sources) for name in names], np.int64)
        return places[codes[docs]] if len(docs) else docs
    if one.by in ("first", "datatrove"):
        return docs
    values = _values(collection, docs, one)
    return -values if one.by in ("highest", "newest") else values


def _values(collection: Collection, docs: np.ndarray, one: KeepRecipe) -> np.ndarray:
    """Numbers of a measured column or a metadata key, or the rank of dates; NaN where there is none."""
    if one.by in ("highest", "lowest") and one.column in collection.signal_names:
        return collection.signal(one.column)[docs].astype(np.float64)
    texts = collection.metadata(one.column, docs)
    if len(docs) and texts.null_count() == len(docs):
        raise CurateError(f"dedup.keep: {one.column}: no copy has it, neither measured nor in its metadata; name another column or criterion")
    numbers = texts.cast(pl.Float64, strict=False)
    if one.by in ("highest", "lowest") or numbers.null_count() == texts.null_count():
        return numbers.to_numpy().astype(np.float64)
    # ISO 8601 dates sort as text.
    ranks = texts.rank("dense").cast(pl.Float64)
    return ranks.to_numpy().astype(np.float64)
