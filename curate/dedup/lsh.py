"""Near-duplicate candidates at scale: documents that agree in a whole band, found band by band by sorting keys.

The keys of one band are in memory at a time, and for large collections only a part of the key space; the tables on disk hold the rest.
Memory: 24 bytes per key of a part, and 8 bytes per document for the forest.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np

from curate.dedup.bands import NO_SIGNATURE
from curate.dedup.clusters import join_equal, labels, singletons

PART_KEYS = 1 << 23
"""Approximate number of keys sorted at a time (about 200 MB)."""


class Bands(Protocol):
    """Keys of documents by band, in chunks of consecutive documents."""

    n_docs: int
    n_bands: int

    def band(self, number: int) -> Iterable[np.ndarray]:
        """Keys of a band, uint64 chunks that together are (n_docs,)."""


def near_clusters(bands: Bands, chosen: np.ndarray, part_keys: int = PART_KEYS) -> np.ndarray:
    """Label each document with the smallest index of a document connected to it, (n_docs,) int64.

    Documents that are not `chosen (n_docs,) bool` or have no signature keep their own index.
    """
    parent = singletons(bands.n_docs)
    for number in range(bands.n_bands):
        for keys, docs in parts(bands, number, chosen, part_keys):
            join_equal(parent, keys, docs, np.argsort(keys))
    return labels(parent)


def parts(bands: Bands, number: int, chosen: np.ndarray, part_keys: int = PART_KEYS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Keys and documents of a band, about `part_keys` at a time; equal keys are always in the same part."""
    n_parts = int(np.count_nonzero(chosen)) // part_keys + 1
    # Keys are evenly spread, so equal shares of their range hold about equal numbers of them.
    edges = [(share << 64) // n_parts for share in range(n_parts)]
    for low, high in zip(edges, [*edges[1:], 1 << 64], strict=True):
        chunks = list(_part(bands, number, chosen, low, high - 1))
        keys = np.concatenate([np.empty(0, np.uint64), *(keys for keys, _ in chunks)])
        docs = np.concatenate([np.empty(0, np.int64), *(docs for _, docs in chunks)])
        del chunks
        yield keys, docs


def _part(bands: Bands, number: int, chosen: np.ndarray, low: int, high: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    first = 0
    for keys in bands.band(number):
        wanted = chosen[first : first + len(keys)] & (keys != NO_SIGNATURE)
        if low > 0 or high < (1 << 64) - 1:
            wanted &= (keys >= np.uint64(low)) & (keys <= np.uint64(high))
        places = np.flatnonzero(wanted)
        yield keys[places], places + first
        first += len(keys)


def datatrove_pairs(bands: Bands, chosen: np.ndarray, rows: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The pairs of documents that datatrove's stages 1 and 2 find, (n_pairs, 2) int64, in their order.

    Pairs are sorted by band, then by the hashes of the band; among equal hashes, each document is paired with the one before it. `rows`
    returns the signatures (n, n_values) of documents (n,) int64, since the order of hashes is not that of keys.
    """
    pairs_by_band = [np.empty((0, 2), np.int64)]
    for number in range(bands.n_bands):
        pairs = np.concatenate([_neighbours(keys, docs) for keys, docs in parts(bands, number, chosen)])
        heads, group = np.unique(pairs[:, 2], return_inverse=True)
        sig = rows(heads)
        hashes = sig.reshape(len(heads), bands.n_bands, sig.shape[1] // bands.n_bands)[:, number]
        place = np.empty(len(heads), np.int64)
        place[np.lexsort(hashes.T[::-1])] = np.arange(len(heads))
        pairs_by_band.append(pairs[np.lexsort((pairs[:, 1], place[group])), :2])
    return np.concatenate(pairs_by_band)


def _neighbours(keys: np.ndarray, docs: np.ndarray) -> np.ndarray:
    """Documents with equal keys: each with the previous one and with the first one of the key, (n_pairs, 3) int64."""
    order = np.lexsort((docs, keys))
    keys, docs = keys[order], docs[order]
    follows = np.flatnonzero(keys[1:] == keys[:-1]) + 1
    first = np.maximum.accumulate(np.where(np.append(True, keys[1:] != keys[:-1])[: len(keys)], np.arange(len(keys)), 0))
    return np.stack([docs[follows - 1], docs[follows], docs[first[follows]]], axis=1)
