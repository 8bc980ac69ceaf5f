"""Which document of a cluster survives. Knows neither how clusters were found nor what the ranks mean."""

from collections.abc import Sequence

import numpy as np


def preference(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Places of documents from the one to keep first to the one to keep last, (n_docs,) int64.

    `columns` (n_docs,) numbers, the most important first, less is better; NaN comes last. Ties go to the next column, in the end to
    the smaller place.
    """
    return np.lexsort(tuple(columns)[::-1])


def members(labels: np.ndarray) -> np.ndarray:
    """Documents in clusters of two or more, (n_members,) int64, ascending; `labels (n_docs,) int64` are smallest document numbers."""
    follows = labels != np.arange(len(labels))
    follows[labels[follows]] = True
    return np.flatnonzero(follows)


def survivors(labels: np.ndarray) -> np.ndarray:
    """The place of each document's survivor, (n,) int64: the first of its cluster. `labels (n,) int64` of documents in order of preference."""
    _, first, cluster = np.unique(labels, return_index=True, return_inverse=True)
    return first[cluster]
