"""Clusters of documents: connected components by union–find on arrays."""

from typing import Any

import numpy as np
from numba import njit


def singletons(n_docs: int) -> np.ndarray:
    """A forest in which each document is a cluster of its own, (n_docs,) int64; `join_equal` and `join_pairs` connect clusters."""
    return np.arange(n_docs, dtype=np.int64)


def components(n_docs: int, pairs: np.ndarray) -> np.ndarray:
    """Label each document with the smallest document index of its cluster, (n_docs,) int64.

    `pairs (n_pairs, 2) int64`; the result does not depend on their order.
    """
    parent = singletons(n_docs)
    join_pairs(parent, np.ascontiguousarray(pairs, np.int64))
    return labels(parent)


@njit(cache=True, nogil=True)
def join_pairs(parent: Any, pairs: Any) -> None:
    """Connect the documents of each pair; `pairs (n_pairs, 2) int64`."""
    for index in range(len(pairs)):
        _join(parent, pairs[index, 0], pairs[index, 1])


@njit(cache=True, nogil=True)
def join_equal(parent: Any, keys: Any, docs: Any, order: Any) -> None:
    """Connect documents with equal keys: `keys`, `docs (n,)`, `order (n,)` is any permutation that sorts the keys."""
    for index in range(1, len(order)):
        if keys[order[index - 1]] == keys[order[index]]:
            _join(parent, docs[order[index - 1]], docs[order[index]])


@njit(cache=True, nogil=True)
def _join(parent: Any, left: Any, right: Any) -> None:
    left, right = _root(parent, left), _root(parent, right)
    if left < right:
        parent[right] = left
    elif right < left:
        parent[left] = right


@njit(cache=True, nogil=True)
def _root(parent: Any, doc: int) -> int:
    while parent[doc] != doc:
        parent[doc] = parent[parent[doc]]
        doc = parent[doc]
    return doc


@njit(cache=True, nogil=True)
def labels(parent: Any) -> Any:
    """Turn the forest into labels in place: the smallest document index of each document's cluster. Returns it."""
    for doc in range(len(parent)):
        # A parent is never larger than its child, so it already has its final label.
        parent[doc] = parent[parent[doc]]
    return parent


@njit(cache=True, nogil=True)
def roots_by_size(n_docs: int, pairs: Any) -> Any:
    """The document that datatrove keeps of each document's cluster, (n_docs,) int64; the document itself if it has no pairs.

    `pairs (n_pairs, 2) int64` in datatrove's order (buckets, in each by signature and then document). The root of the larger tree
    wins, or the first of the pair if they are equal (MinhashDedupCluster); unlike in `components`, the order matters.
    """
    parent, size = np.arange(n_docs), np.ones(n_docs, np.int64)
    for index in range(len(pairs)):
        left, right = _root(parent, pairs[index, 0]), _root(parent, pairs[index, 1])
        if left != right:
            if size[left] < size[right]:
                left, right = right, left
            parent[right] = left
            size[left] += size[right]
    for doc in range(n_docs):
        parent[doc] = _root(parent, doc)
    return parent
