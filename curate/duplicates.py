"""Exact and near copies among chosen documents: which go, which stays for each, and how many a survivor stands for."""

from typing import NamedTuple

import numpy as np

from curate.dedup.clusters import components
from curate.dedup.exact import exact_clusters
from curate.dedup.keep import choose
from curate.dedup.minhash import MinHashParams, candidate_pairs

_CHUNK = 65_536


class Copies(NamedTuple):
    """`dropped` documents and the `twin` that stays for each, both (n_dropped,) int64, numbers of the whole collection."""

    dropped: np.ndarray
    twin: np.ndarray


class Corpus(NamedTuple):
    """What copies are looked for in: `ids (n_docs, 2) uint64`, `n_bytes (n_docs,) int64` of text, and what each document stands for."""

    ids: np.ndarray
    n_bytes: np.ndarray
    cluster_size: np.ndarray


def exact_copies(corpus: Corpus, docs: np.ndarray, policy: str) -> Copies:
    """Copies with equal text among `docs (n,) int64`. Adds to the survivors' `cluster_size`."""
    return _settle(corpus, docs, exact_clusters(corpus.ids[docs]), policy)


def near_copies(corpus: Corpus, docs: np.ndarray, signatures: "Signatures", policy: str) -> Copies:
    """Copies by MinHash among `docs`. Adds to the survivors' `cluster_size`."""
    pairs = candidate_pairs(signatures.values[docs], signatures.exists[docs], signatures.params)
    return _settle(corpus, docs, components(len(docs), pairs), policy)


class Signatures(NamedTuple):
    """MinHash signatures of all documents: `values (n_docs, buckets * hashes) uint64`, `exists (n_docs,) bool`."""

    values: np.ndarray
    exists: np.ndarray
    params: MinHashParams


def estimated_jaccard(signatures: Signatures, copies: Copies) -> np.ndarray:
    """Share of equal values in the signatures of each dropped document and its twin, (n_dropped,) float64 (Broder 1997)."""
    estimates = np.empty(len(copies.dropped))
    for start in range(0, len(estimates), _CHUNK):
        some = slice(start, start + _CHUNK)
        estimates[some] = (signatures.values[copies.dropped[some]] == signatures.values[copies.twin[some]]).mean(axis=1)
    return estimates


def _settle(corpus: Corpus, docs: np.ndarray, labels: np.ndarray, policy: str) -> Copies:
    kept = choose(labels, corpus.n_bytes[docs], policy)  # type: ignore[arg-type]
    survivor = np.empty(len(docs), dtype=np.int64)
    survivor[labels[kept]] = docs[kept]
    twin = survivor[labels]
    total = np.zeros(len(corpus.cluster_size), dtype=np.int64)
    np.add.at(total, twin, corpus.cluster_size[docs])
    corpus.cluster_size[docs[kept]] = total[docs[kept]]
    return Copies(docs[~kept], twin[~kept])
