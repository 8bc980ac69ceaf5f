"""Clusters of documents from pairs: connected components by union–find on arrays."""

from typing import Any

import numpy as np
from numba import njit


def components(n_docs: int, pairs: np.ndarray) -> np.ndarray:
    """Label each document with the smallest document number of its cluster, (n_docs,) int64; a document without pairs with its own.

    `pairs (n_pairs, 2) int64` in any order; their order cannot change the result.
    """
    parent = np.arange(n_docs, dtype=np.int64)
    _union(parent, np.ascontiguousarray(pairs, np.int64))
    return parent


@njit(cache=True, nogil=True)
def _union(parent: Any, pairs: Any) -> None:
    for index in range(len(pairs)):
        left, right = _root(parent, pairs[index, 0]), _root(parent, pairs[index, 1])
        if left < right:
            parent[right] = left
        elif right < left:
            parent[left] = right
    for doc in range(len(parent)):
        # A parent is never larger than its child, so it has its final label already.
        parent[doc] = parent[parent[doc]]


@njit(cache=True, nogil=True)
def _root(parent: Any, doc: int) -> int:
    while parent[doc] != doc:
        parent[doc] = parent[parent[doc]]
        doc = parent[doc]
    return doc


def cluster_sizes(labels: np.ndarray) -> np.ndarray:
    """Documents in each document's cluster, (n_docs,) int64; kept with the survivor so that it can be up-weighted again."""
    return np.bincount(labels, minlength=len(labels))[labels] if len(labels) else np.empty(0, np.int64)


def merge_labels(coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """Labels of the clusters that two labelings of the same documents give together, (n_docs,) int64."""
    docs = np.arange(len(coarse))
    return components(len(coarse), np.concatenate([np.stack([docs, coarse], 1), np.stack([docs, fine], 1)]))
