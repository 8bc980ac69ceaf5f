"""Signatures in the form that other programs read: datasketch's MinHash and its LSH index.

An index made here can be queried with signatures of new documents, kept in datasketch's storages (Redis, Cassandra), and joined
with others of the same parameters. The scheme is datasketch's "legacy", (a·h + b) mod 2^61 - 1, which is ours but for its cut to
32 bits; so it is not to be updated with more shingles. Only this module imports datasketch.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH

from curate.dedup.minhash import MinHashParams


def to_datasketch(signature: np.ndarray, params: MinHashParams) -> MinHash:
    """One signature, `(n_permutations,) uint64`, as a datasketch MinHash; its `jaccard` with another such is our estimate."""
    return MinHash(seed=params.seed, hashvalues=signature, permutations=params.permutations(), scheme="legacy")


def to_datasketch_lsh(sig: np.ndarray, has_signature: np.ndarray, keys: Sequence[Hashable], params: MinHashParams) -> MinHashLSH:
    """An LSH index of the documents that have a signature, by `keys (n_docs,)`; its bands are our buckets.

    Query it with `to_datasketch(signature, params)`: it answers with the keys of documents that agree in at least one bucket.
    """
    index = MinHashLSH(num_perm=params.n_permutations, params=(params.buckets, params.hashes))
    with index.insertion_session() as session:
        for doc in np.flatnonzero(has_signature):
            session.insert(keys[int(doc)], to_datasketch(sig[doc], params), check_duplication=False)
    return index
