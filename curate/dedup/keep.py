"""Which document of a cluster is kept, whatever clusters and ranks mean."""

from collections.abc import Sequence

import numpy as np


def preference(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Positions of documents in order of preference, (n_docs,) int64.

    `columns`: arrays (n_docs,) of numbers, the most important first; smaller is better, NaN last. Ties go to the next column, and finally
    to the smaller position.
    """
    return np.lexsort(tuple(columns)[::-1])


def members(labels: np.ndarray) -> np.ndarray:
    """Documents in clusters of two or more, (n_members,) int64, ascending; `labels (n_docs,) int64` are the smallest document indices."""
    follows = labels != np.arange(len(labels))
    follows[labels[follows]] = True
    return np.flatnonzero(follows)


def survivors(labels: np.ndarray) -> np.ndarray:
    """Position of each document's survivor, (n,) int64: the first of its cluster. `labels (n,) int64` in order of preference."""
    _, first, cluster = np.unique(labels, return_index=True, return_inverse=True)
    return first[cluster]
