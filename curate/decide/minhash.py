"""Near copies by MinHash. The verdict's value is the share of equal signature values with the twin that stays (Broder 1997)."""

import numpy as np

from curate.decide.collection import Collection
from curate.decide.copies import settle
from curate.dedup.clusters import components
from curate.dedup.minhash import MinHashParams, candidate_pairs, estimated_jaccard
from curate.recipe import CurateRecipe


def drop_near_copies(collection: Collection, recipe: CurateRecipe) -> None:
    """Drop them, if the recipe says so."""
    if recipe.dedup.minhash is None:
        return
    params = MinHashParams(**recipe.dedup.minhash.model_dump())
    values, exists = _signatures(collection, params.n_permutations)
    docs = collection.survivors()
    pairs = candidate_pairs(values[docs], exists[docs], params)
    dropped, twin = settle(collection, docs, components(len(docs), pairs), recipe.dedup.keep)
    similarity = estimated_jaccard(values, np.stack([dropped, twin], axis=1))
    collection.drop(dropped, "minhash", "minhash/duplicate", value=similarity, twin=twin)


def _signatures(collection: Collection, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Signatures of all documents, (n_docs, size) uint64, and which documents have one, (n_docs,) bool."""
    columns = [table["signature"].combine_chunks() for table in collection.tables("signatures")]
    values = [np.asarray(column.values)[column.offset * size : (column.offset + len(column)) * size] for column in columns]
    exists = [np.asarray(column.is_valid()) for column in columns]
    return np.concatenate(values).reshape(-1, size), np.concatenate(exists)
