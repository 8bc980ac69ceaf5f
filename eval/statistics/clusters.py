"""Clusters of documents: what is independent in a corpus, and how many equally large clusters it is worth."""

from typing import NamedTuple

import numpy as np

from eval.errors import EvalError


class Clusters(NamedTuple):
    """Documents grouped into independent clusters."""

    members: np.ndarray
    """`(n_docs,) int64`: cluster of each document, 0 to number - 1."""
    number: int

    def totals(self, values: np.ndarray) -> np.ndarray:
        """Sums of `values (n_docs, k)` by cluster: `(number, k) float64`."""
        totals = np.zeros((self.number, values.shape[1]))
        np.add.at(totals, self.members, values)
        return totals


def group(labels: np.ndarray | None, n_docs: int) -> Clusters:
    """Clusters from one label per document, `(n_docs,)` of any type that sorts; None: every document is a cluster of its own.

    Raises EvalError if there are no documents, or not as many labels as documents.
    """
    if not n_docs:
        raise EvalError("no documents to compare")
    if labels is None:
        return Clusters(np.arange(n_docs), n_docs)
    if len(labels) != n_docs:
        raise EvalError(f"clusters: {len(labels)} labels for {n_docs} documents; give one label per document")
    names, members = np.unique(np.asarray(labels), return_inverse=True)
    return Clusters(members.reshape(-1), len(names))


def effective_number(weights: np.ndarray) -> float:
    """Kish's effective number, (Σw)² / Σw², of clusters with `weights` (bytes, or items where all items count the same).

    It equals the count if all weights are equal, and 1 if one cluster holds everything (Kish, Survey Sampling, 1965).
    """
    largest = weights.max()
    if largest <= 0:
        return 0.0
    shares = weights / largest
    return float(shares.sum() ** 2 / (shares**2).sum())
