"""Signatures in the form that other programs read: datasketch's MinHash and its LSH index.

An index can be queried with signatures of new documents, kept in datasketch's storages (Redis, Cassandra), and joined with others of the
same parameters. Signatures of `hash: datatrove` are datasketch's "legacy" scheme, (a·h + b) mod 2^61 - 1, without its truncation to 32 bits.
Neither these nor our own signatures may be updated with more shingles. Only this module imports datasketch.
"""

from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
from datasketch import MinHash, MinHashLSH

from curate.dedup.minhash import MinHashParams
from curate.dedup.store import SignatureStore
from curate.errors import CurateError
from curate.run_folder import kept_ids
from shards.manifest import MANIFEST_NAME
from shards.read import ShardSet


def run_index(out: Path) -> MinHashLSH:
    """An LSH index of the documents with a signature that the finished run in `out` kept or held out; keys are hexadecimal ids.

    Raises CurateError if the run stored no signatures, ShardError for damaged ones.
    """
    if not all((Path(out) / name / MANIFEST_NAME).exists() for name in ("bands", "signatures")):
        raise CurateError(f"{out}: no signatures; run it with dedup.minhash and its `signatures: true`")
    sets = {name: ShardSet(Path(out) / name, name) for name in ("bands", "signatures")}
    made = sets["bands"].manifest.info["signature"]
    store = SignatureStore(list(sets["bands"].tables()), list(sets["signatures"].tables()))
    ids = kept_ids(Path(out))["id"]
    exists = store.signed() & ids.is_not_null().to_numpy()
    keys = [key.hex() if key else "" for key in ids]
    params = MinHashParams(made["ngram"], made["buckets"], made["hashes"], made["seed"])
    return to_datasketch_lsh(store.rows(np.arange(store.n_docs)), exists, keys, params)


def to_datasketch(signature: np.ndarray, params: MinHashParams) -> MinHash:
    """One signature, `(n_permutations,) uint32 or uint64`, as a datasketch MinHash, whose `jaccard` is our estimate."""
    return MinHash(seed=params.seed, hashvalues=signature, permutations=params.permutations(), scheme="legacy")


def to_datasketch_lsh(sig: np.ndarray, has_signature: np.ndarray, keys: Sequence[Hashable], params: MinHashParams) -> MinHashLSH:
    """An LSH index of the documents with a signature, by `keys (n_docs,)`; its bands are our buckets.

    A query with `to_datasketch(signature, params)` returns the keys of documents that agree in at least one bucket.
    """
    index = MinHashLSH(num_perm=params.n_permutations, params=(params.buckets, params.hashes))
    with index.insertion_session() as session:
        for doc in np.flatnonzero(has_signature):
            session.insert(keys[int(doc)], to_datasketch(sig[doc], params), check_duplication=False)
    return index
