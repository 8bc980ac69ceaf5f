"""Which documents are held out for evaluation. The choice depends only on content and a salt, so reruns, new inputs and reordering keep it."""

import numpy as np
import xxhash


def held_out_hash(ids: np.ndarray, salt: str) -> np.ndarray:
    """(n_docs,) uint64, uniform, from `ids (n_docs, 2) uint64` and the salt: splitmix64's finaliser (Steele et al. 2014)."""
    mixed = ids[:, 0] ^ np.uint64(xxhash.xxh3_64_intdigest(salt))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def held_out(ids: np.ndarray, share: float, max_documents: int | None, salt: str) -> np.ndarray:
    """Which documents are held out, (n_docs,) bool: those whose hash is below `share` of the hash range.

    At most `max_documents` are; the smallest hashes are taken. Equal documents are held out together.
    """
    hashes = held_out_hash(ids, salt)
    chosen = hashes.astype(np.float64) < share * 2.0**64
    if max_documents is not None and chosen.sum() > max_documents:
        chosen &= hashes < np.sort(hashes[chosen])[max_documents]
    return chosen
