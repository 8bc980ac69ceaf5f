"""Semantic duplicates: documents with similar embeddings, sought within clusters (SemDeDup, Abbas et al. 2023).

SemDeDup drops a document if any earlier document of its cluster is too similar, even a dropped one, so chains of small steps extend far. Here
only kept documents count: each dropped document is within the threshold of a kept one.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from curate.kernels.kernel import kernel

Keep = Literal["farthest", "closest", "longest"]

_POINTS_PER_CLUSTER = 256
"""Training points per centroid, as in faiss; more do not improve the centroids."""
_N_ITERATIONS = 20
_BLOCK_ROWS = 1024


class Vectors(NamedTuple):
    """Embeddings of documents that need not fit in memory: `take(docs)` gives rows of length 1, (n, n_dims) float32."""

    docs: np.ndarray
    """(n_vectors,) int64: documents with an embedding."""
    take: Callable[[np.ndarray], np.ndarray]


class Twins(NamedTuple):
    """Dropped documents, the similar document kept for each, and their cosine similarity; (n_dropped,) each."""

    dropped: np.ndarray
    twin: np.ndarray
    similarity: np.ndarray


def find_twins(vectors: Vectors, n_bytes: np.ndarray, threshold: float, n_clusters: int, keep: Keep, seed: int) -> Twins:
    """Documents with a cosine similarity of at least `threshold` to a kept one in the same cluster of a spherical k-means.

    Kept is the document `farthest` from the centroid (SemDeDup's choice), `closest` to it, or the `longest` by `n_bytes (n_docs,)`. Memory:
    1,024 rows of a cluster's similarities, the cluster's vectors, and 256 vectors per cluster while centroids are trained.
    """
    if not len(vectors.docs):
        return Twins(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    n_clusters = min(n_clusters, len(vectors.docs))
    centroids = _centroids(vectors, n_clusters, seed)
    labels, similarity = _assigned(vectors, centroids)
    dropped_by_cluster = []
    preference = {"farthest": similarity, "closest": -similarity, "longest": -n_bytes[vectors.docs]}[keep]
    order = np.lexsort((vectors.docs, preference, labels))
    bounds = np.searchsorted(labels[order], np.arange(n_clusters + 1))
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        members = vectors.docs[order[start:stop]]
        twin, cosine = _within(vectors.take(members), threshold)
        dropped = twin >= 0
        dropped_by_cluster.append((members[dropped], members[twin[dropped]], cosine[dropped]))
    docs, twins, cosines = (np.concatenate(column) for column in zip(*dropped_by_cluster, strict=True))
    by_number = np.argsort(docs)
    return Twins(docs[by_number], twins[by_number], cosines[by_number])


def normalized(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, float32; rows of zeros are unchanged."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def _centroids(vectors: Vectors, n_clusters: int, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    n_points = min(len(vectors.docs), _POINTS_PER_CLUSTER * n_clusters)
    points = vectors.take(np.sort(draw.choice(vectors.docs, n_points, replace=False)))
    centroids = points[np.sort(draw.choice(n_points, n_clusters, replace=False))].copy()
    for _ in range(_N_ITERATIONS):
        labels = np.concatenate([(block @ centroids.T).argmax(axis=1) for block in _blocks(points)])
        order = np.argsort(labels, kind="stable")
        present, firsts = np.unique(labels[order], return_index=True)
        # A cluster without points keeps its centroid.
        centroids[present] = normalized(np.add.reduceat(points[order], firsts, axis=0))
    return centroids


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[start : start + _BLOCK_ROWS] for start in range(0, len(rows), _BLOCK_ROWS))


def _assigned(vectors: Vectors, centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels, similarity = [np.empty(0, np.int64)], [np.empty(0, np.float32)]
    for docs in _blocks(vectors.docs):
        cosines = vectors.take(docs) @ centroids.T
        labels.append(cosines.argmax(axis=1))
        similarity.append(cosines.max(axis=1))
    return np.concatenate(labels), np.concatenate(similarity)


def _within(rows: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """For each row, the most similar earlier row that is kept, (n,) int64, and their cosine; -1 if none reaches the threshold."""
    twin, cosine = np.full(len(rows), -1, np.int64), np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, len(rows))
        _settle(rows[start:stop] @ rows[:stop].T, start, np.float32(threshold), twin, cosine)
    return twin, cosine


@kernel
def _settle(cosines: Any, start: int, threshold: Any, twin: Any, cosine: Any) -> None:
    for row in range(len(cosines)):
        best = threshold
        for earlier in range(start + row):
            if twin[earlier] < 0 and (cosines[row, earlier] > best or (cosines[row, earlier] == best and twin[start + row] < 0)):
                best = cosines[row, earlier]
                twin[start + row], cosine[start + row] = earlier, best
