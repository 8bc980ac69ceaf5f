"""Clusters that hold: a document goes only if its own signature is close enough to that of the one that stays.

Connected components join documents that have nothing in common if enough others lie between them, and templated pages do lie between.
Here the best document of a cluster becomes a centre; each next one, best first, goes to the first centre that it resembles, or becomes
a centre itself. So survivors may be alike through documents that went, but nothing goes for a document that it does not resemble.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from curate.dedup.bands import count_equal

MAX_CENTRES = 256
"""Centres of a cluster that a document is compared with. What resembles none of so many stays."""
_CHUNK = 1 << 16


def centres(labels: np.ndarray, rows: Callable[[np.ndarray], np.ndarray], min_jaccard: float, n_fixed: int = 0) -> np.ndarray:
    """The place of the document that stays for each, (n,) int64; its own for those that stay themselves.

    `labels (n,) int64` of documents in order of preference, `rows` gives signatures (m, n_values) of places (m,) int64. The first
    `n_fixed` places stay in any case. Memory: 30 MB of signatures, and 24 bytes a document.
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
