"""Copies in meaning. The verdict's value is the cosine similarity with the twin that stays."""

import numpy as np

from curate.compare.collection import Collection
from curate.dedup.recipe import SemanticRecipe
from curate.dedup.semantic import Vectors, find_twins, normalized


def drop_semantic_duplicates(collection: Collection, semantic: SemanticRecipe) -> None:
    """Drop all but one of each group of documents with similar embeddings. Documents without an embedding stay."""
    vectors = _vectors(collection)
    n_clusters = semantic.clusters or max(1, round(len(vectors.docs) ** 0.5))
    twins = find_twins(vectors, collection.n_bytes, semantic.threshold, n_clusters, semantic.keep, semantic.seed)
    collection.stand_for(twins.dropped, twins.twin)
    collection.drop(twins.dropped, "semantic", "semantic/duplicate", value=twins.similarity, threshold=semantic.threshold, twin=twins.twin)
    collection.note("semantic", {"documents": len(vectors.docs), "dropped": len(twins.dropped), "clusters": n_clusters})


def _vectors(collection: Collection) -> Vectors:
    """Embeddings of the documents not dropped so far, memory-mapped in the batches of the tasks."""
    views, valid, firsts = [], [], [0]
    for table in collection.tables("embeddings"):
        for batch in table.to_batches():
            column = batch["vector"]
            size = column.type.list_size
            views.append(np.asarray(column.values)[column.offset * size : (column.offset + len(column)) * size].reshape(-1, size))
            valid.append(np.asarray(column.is_valid()))
            firsts.append(firsts[-1] + len(column))
    starts = np.array(firsts)

    def take(docs: np.ndarray) -> np.ndarray:
        rows = np.empty((len(docs), views[0].shape[1] if views else 0), np.float16)
        of_view = np.searchsorted(starts, docs, side="right") - 1
        for view in np.unique(of_view):
            is_here = of_view == view
            rows[is_here] = views[view][docs[is_here] - starts[view]]
        return normalized(rows)

    return Vectors(np.flatnonzero(collection.passed & np.concatenate([np.empty(0, bool), *valid])), take)
