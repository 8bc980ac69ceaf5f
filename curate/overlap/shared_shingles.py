"""Counts the shingles that documents share with indexed items: exact Jaccard similarity and containment.

MinHash estimates the Jaccard similarity of two sets of shingles, and finds pairs with a probability that depends on it. Items of an evaluation are
few, so both can be counted instead: every pair is found, and the figures have no error but that of 32-bit hashes.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from curate.dedup.shingles import MAX_NGRAM, alphabet, room, salt, shingle_one
from curate.overlap.shingle_index import NGRAM, ShingleIndex, shingle_number


class Pairs(NamedTuple):
    """Documents and items that share shingles, (n_pairs,) each, in order of document and item."""

    doc: np.ndarray
    """int64."""
    item: np.ndarray
    """int64."""
    jaccard: np.ndarray
    """float64: shared shingles over all of both."""
    containment: np.ndarray
    """float64: share of the item's shingles that the document has, without templates; 0 if it has none but templates."""


class SharedShingles:
    """Compares documents with the items of one index. Not for several threads at once: it keeps scratch space."""

    def __init__(self, index: ShingleIndex) -> None:
        self._index = ShingleIndex(*(np.asarray(array) for array in index))
        n_items, n_keys = len(index.sizes), len(index.keys)
        self._seen, self._met = np.full(n_keys, -1, np.int64), np.full(n_items, -1, np.int64)
        self._shared, self._counted, self._touched = np.zeros(n_items, np.int64), np.zeros(n_items, np.int64), np.empty(n_items, np.int64)
        self._number = 0

    def pairs(self, utf8: np.ndarray, offsets: np.ndarray, floor: float) -> Pairs:
        """Pairs whose Jaccard similarity or containment is at least `floor`, of documents `utf8[offsets[d] : offsets[d + 1]]`."""
        letters = alphabet()
        scratch = np.empty(room(int(np.diff(offsets).max(initial=0))), np.uint32)
        n_room = 1024
        while True:
            doc, item, figures = np.empty(n_room, np.int64), np.empty(n_room, np.int64), np.empty((n_room, 2), np.float64)
            state = (self._seen, self._met, self._shared, self._counted, self._touched)
            n = _count(utf8, offsets, letters, salt(1), scratch, self._index, state, self._number, floor, (doc, item, figures))
            self._number += len(offsets)
            if n <= n_room:
                break
            n_room = n
        order = np.lexsort((item[:n], doc[:n]))
        return Pairs(doc[:n][order], item[:n][order], figures[:n, 0][order], figures[:n, 1][order])


@njit(cache=True, nogil=True)
def _count(utf8: Any, offsets: Any, letters: Any, salted: Any, scratch: Any, index: Any, state: Any, first: int, floor: float, out: Any) -> int:
    """Fill `out`: documents, items, figures (jaccard, containment). Returns the number of pairs, which may exceed their room."""
    doc, item, figures = out
    seen, met, shared, counted, touched = state
    window = np.zeros(MAX_NGRAM, np.uint64)
    n = 0
    for number in range(len(offsets) - 1):
        n_shingles = shingle_one(utf8, offsets[number], offsets[number + 1], letters.entries, letters.many, NGRAM, salted, window, scratch) - NGRAM + 1
        n_touched, stamp = 0, first + number
        for at in range(n_shingles):
            key = shingle_number(index.keys, index.slots, index.sieve, scratch[at])
            if key < 0 or seen[key] == stamp:
                continue
            seen[key] = stamp
            for posting in range(index.offsets[key], index.offsets[key + 1]):
                owner = index.items[posting]
                if met[owner] != stamp:
                    met[owner], shared[owner], counted[owner] = stamp, 0, 0
                    touched[n_touched] = owner
                    n_touched += 1
                shared[owner] += 1
                counted[owner] += index.counts[posting]
        size = -1
        for place in range(n_touched):
            owner = touched[place]
            containment = counted[owner] / index.counted_sizes[owner] if index.counted_sizes[owner] > 0 else 0.0
            jaccard = 0.0
            # Jaccard's similarity is at most the share of the item's shingles, so few pairs need the document's number of distinct ones.
            if shared[owner] >= floor * index.sizes[owner]:
                if size < 0:
                    size = len(np.unique(scratch[:n_shingles]))
                jaccard = shared[owner] / (index.sizes[owner] + size - shared[owner])
            if jaccard >= floor or containment >= floor:
                if n < len(doc):
                    doc[n], item[n], figures[n, 0], figures[n, 1] = number, owner, jaccard, containment
                n += 1
    return n
