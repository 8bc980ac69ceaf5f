"""Which document of a cluster survives. Knows neither how the clusters were found nor what the score means."""

from typing import Literal

import numpy as np

from curate.errors import CurateError

Policy = Literal["first", "longest", "best"]


def choose(labels: np.ndarray, score: np.ndarray | None, policy: Policy) -> np.ndarray:
    """One kept document per cluster, (n_docs,) bool. `labels (n_docs,) int64` are smallest document numbers.

    "first" keeps the smallest number; "longest" and "best" keep the highest `score (n_docs,)` (a length, a quality), the smallest
    number among equals; a NaN score counts as the lowest. Raises CurateError for another policy or a score that is missing.
    """
    if policy == "first":
        return labels == np.arange(len(labels))
    if policy not in ("longest", "best"):
        raise CurateError(f"keep policy {policy}: unknown; known are first, longest, best")
    if score is None:
        raise CurateError(f"keep policy {policy}: needs a score for every document")
    descending = -np.where(np.isnan(score), -np.inf, score) if np.issubdtype(score.dtype, np.floating) else -score.astype(np.int64)
    order = np.lexsort((descending, labels))
    is_first = np.ones(len(order), bool)
    is_first[1:] = labels[order][1:] != labels[order][:-1]
    kept = np.zeros(len(order), bool)
    kept[order[is_first]] = True
    return kept
