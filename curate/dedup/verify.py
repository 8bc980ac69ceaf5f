"""Verified clusters: a document is dropped only if its own signature is similar enough to that of the document kept.

Connected components can join unrelated documents through a chain of others, such as templated pages. Here the best document of a cluster becomes
a centre. Each further document, best first, is assigned to the first centre that it resembles, or becomes a centre. Survivors may thus be
similar through dropped documents, but no document is dropped for one that it does not resemble.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from curate.dedup.bands import count_equal

MAX_CENTRES = 256
"""Upper limit of centres that a document is compared with. A document that resembles none of them is kept."""
_CHUNK = 1 << 16


def centres(labels: np.ndarray, rows: Callable[[np.ndarray], np.ndarray], min_jaccard: float, n_fixed: int = 0) -> np.ndarray:
    """Position of the document kept for each document, (n,) int64; its own position if it is kept itself.

    `labels (n,) int64` of documents in order of preference; `rows` returns the signatures (m, n_values) of positions (m,) int64. The first
    `n_fixed` documents are always kept. Memory: 30 MB of signatures, and 24 bytes per document.
    """
    order = np.argsort(labels, kind="stable")
    twin = np.arange(len(labels))
    state = np.full(2, -1)  # label, number of centres
    places = np.empty(MAX_CENTRES, np.int64)
    signatures: np.ndarray | None = None
    for start in range(0, len(order), _CHUNK):
        chunk = order[start : start + _CHUNK]
        sig = rows(chunk)
        signatures = np.empty((MAX_CENTRES, sig.shape[1]), sig.dtype) if signatures is None else signatures
        _attach(chunk, labels, sig, int(np.ceil(min_jaccard * sig.shape[1])), n_fixed, state, places, signatures, twin)
    return twin


@njit(cache=True, nogil=True)
def _attach(chunk: Any, labels: Any, sig: Any, min_equal: int, n_fixed: int, state: Any, places: Any, signatures: Any, twin: Any) -> None:
    for index in range(len(chunk)):
        place = chunk[index]
        if labels[place] != state[0]:
            state[0], state[1] = labels[place], 0
        if place >= n_fixed:
            for centre in range(state[1]):
                if count_equal(sig[index], signatures[centre]) >= min_equal:
                    twin[place] = places[centre]
                    break
        if twin[place] == place and state[1] < len(places):
            places[state[1]] = place
            signatures[state[1]] = sig[index]
            state[1] += 1
