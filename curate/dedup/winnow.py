"""Anchors of texts by winnowing (Schleimer, Wilkerson, Aiken 2003): any two equal windows of n bytes have anchors with equal hashes.

The anchor of a window is the smallest hash among its k-grams; successive windows mostly share one, so there are about 2 / (n - k + 2)
anchors per byte. A window whose anchor has a unique hash cannot repeat, so nearly all windows need no check.
"""

from typing import Any, NamedTuple

import numpy as np

from curate.kernels.hashing import BASE, scatter
from curate.kernels.kernel import inlined, kernel

GRAMS_PER_WINDOW = 4
"""k = n // 4: shorter k-grams repeat where whole windows do not; longer ones give more anchors."""

_ONE = np.uint64(1)


class Anchors(NamedTuple):
    """Anchors of documents, in order. The anchors of document d are doc_offsets[d]:doc_offsets[d + 1]."""

    doc_offsets: np.ndarray
    """(n_docs + 1,) int64."""
    hashes: np.ndarray
    """(n_anchors,) uint64."""
    firsts: np.ndarray
    """(n_anchors,) int64: start of the first window with this anchor, within the document."""


def find_anchors(utf8: np.ndarray, offsets: np.ndarray, window_bytes: int) -> Anchors:
    """Anchors of all windows of `window_bytes` bytes in the documents utf8[offsets[d] : offsets[d + 1]]; shorter documents have none."""
    n_docs = len(offsets) - 1
    doc_offsets = np.zeros(n_docs + 1, np.int64)
    n_gram = max(1, window_bytes // GRAMS_PER_WINDOW)
    ring = np.empty(window_bytes - n_gram + 1, np.uint64)
    n_most = int(np.maximum(np.diff(offsets) - window_bytes + 1, 0).sum())
    n_room = 16 + 4 * n_most // len(ring)
    while True:
        hashes, firsts = np.empty(n_room, np.uint64), np.empty(n_room, np.int64)
        n = _winnow_all(utf8, offsets, window_bytes, n_gram, ring, doc_offsets, hashes, firsts)
        if n <= n_room:
            return Anchors(doc_offsets, hashes[:n].copy(), firsts[:n].copy())
        n_room = n


@kernel
def _winnow_all(utf8: Any, offsets: Any, n_window: int, n_gram: int, ring: Any, doc_offsets: Any, hashes: Any, firsts: Any) -> int:
    """Find anchors. Returns their number, even if the arrays have no room for all."""
    n = 0
    drop = _ONE
    for _ in range(n_gram - 1):
        drop *= BASE
    for doc in range(len(offsets) - 1):
        if offsets[doc + 1] - offsets[doc] >= n_window:
            n = _winnow(utf8, offsets[doc], offsets[doc + 1], n_gram, drop, ring, n, hashes, firsts)
        doc_offsets[doc + 1] = n
    return n


@kernel
def _winnow(utf8: Any, start: int, stop: int, n_gram: int, drop: Any, ring: Any, n: int, hashes: Any, firsts: Any) -> int:
    width = len(ring)
    rolling = np.uint64(0)
    for i in range(start, start + n_gram - 1):
        rolling = rolling * BASE + (np.uint64(utf8[i]) + _ONE)
    smallest, place = np.uint64(0xFFFFFFFFFFFFFFFF), -1
    slot = width - 1
    for gram in range(stop - start - n_gram + 1):
        rolling = rolling * BASE + (np.uint64(utf8[start + gram + n_gram - 1]) + _ONE)
        hashed = scatter(rolling)
        rolling -= (np.uint64(utf8[start + gram]) + _ONE) * drop
        slot = slot + 1 if slot + 1 < width else 0
        ring[slot] = hashed
        window = gram - width + 1
        is_new = hashed < smallest or (window <= 0 and hashed == smallest)
        if is_new:
            smallest, place = hashed, gram
        elif place < window:
            smallest, place = _rightmost_smallest(ring, slot, gram)
            is_new = True
        if window == 0 or (window > 0 and is_new):
            if n < len(hashes):
                hashes[n], firsts[n] = smallest, window
            n += 1
    return n


@inlined
def _rightmost_smallest(ring: Any, slot: int, gram: int) -> Any:
    """Smallest hash in the ring and the index of its k-gram; the newest, of k-gram `gram`, is in `slot`."""
    smallest, back = ring[slot], 0
    at = slot
    for i in range(1, len(ring)):
        at = at - 1 if at > 0 else len(ring) - 1
        if ring[at] < smallest:
            smallest, back = ring[at], i
    return smallest, gram - back
