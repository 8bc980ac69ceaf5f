"""Near-duplicates by MinHash. A verdict's value is the share of signature values equal to those of the document kept (Broder 1997)."""

import numpy as np

from curate.compare.collection import Collection
from curate.compare.duplicates import Choice, drop_duplicates, settle_after
from curate.compare.earlier import Earlier, open_earlier
from curate.dedup.bands import agreement
from curate.dedup.clusters import roots_by_size
from curate.dedup.keep import survivors
from curate.dedup.lsh import datatrove_pairs, near_clusters
from curate.dedup.recipe import DedupRecipe, WithWords
from curate.dedup.store import SignatureStore
from curate.dedup.verify import centres

_CHUNK = 1 << 16


def drop_near_duplicates(collection: Collection, recipe: WithWords[DedupRecipe]) -> None:
    """Drop all but one document of each cluster."""
    words, dedup = recipe
    minhash = dedup.minhash
    assert minhash is not None
    earlier = open_earlier(dedup, words)
    bands = [*earlier.tables("bands"), *collection.tables("bands")]
    signatures = [*earlier.tables("signatures"), *collection.tables("signatures")] if minhash.signatures else []
    store = SignatureStore(bands, signatures)
    chosen = np.concatenate([earlier.kept, collection.passed])
    labels = near_clusters(store, chosen)
    duplicates = settle_after(collection, earlier, labels, dedup.keep, _choice(dedup, store, chosen, len(earlier)))
    drop_duplicates(collection, earlier, "minhash", *duplicates, _similarity(store, earlier, *duplicates))


def _choice(recipe: DedupRecipe, store: SignatureStore, chosen: np.ndarray, n_earlier: int) -> Choice:
    """How survivors are chosen: the best of a cluster, the best ones such that every other resembles one of them, or datatrove's choice."""
    verify = recipe.minhash and recipe.minhash.verify
    if verify:
        return lambda docs, labels: centres(labels, lambda places: store.rows(docs[places]), verify, int((docs < n_earlier).sum()))
    if recipe.keep[0].by == "datatrove":
        return lambda docs, _: _datatrove_roots(store, chosen, docs)
    return lambda _, labels: survivors(labels)


def _datatrove_roots(store: SignatureStore, chosen: np.ndarray, docs: np.ndarray) -> np.ndarray:
    roots = roots_by_size(store.n_docs, datatrove_pairs(store, chosen, store.rows))
    place = np.empty(store.n_docs, np.int64)
    place[docs] = np.arange(len(docs))
    return place[roots[docs]]


def _similarity(store: SignatureStore, earlier: Earlier, dropped: np.ndarray, is_earlier: np.ndarray, twin: np.ndarray) -> np.ndarray:
    """Estimated Jaccard similarity of each dropped document to the document kept, (n_dropped,) float64; NaN without signatures."""
    similarity = np.full(len(dropped), np.nan)
    for start in range(0, len(dropped) if store.has_rows else 0, _CHUNK):
        rows = slice(start, start + _CHUNK)
        twins = np.where(is_earlier[rows], twin[rows], twin[rows] + len(earlier))
        similarity[rows] = agreement(store.rows(dropped[rows] + len(earlier)), store.rows(twins))
    return similarity
