"""MinHash signatures of the final texts: tables `bands` and, if the recipe keeps them, `signatures`, one row per document."""

from pathlib import Path
from typing import Any

import numpy as np

from curate.dedup.minhash import MinHashParams
from curate.dedup.recipe import MinHashRecipe, WithWords
from curate.dedup.signatures import HASH_VERSION, signer
from curate.dedup.store import bands_batch, bands_schema, signatures_batch, signatures_schema
from curate.steps.batch import Batch, Step
from curate.steps.portions import portions
from curate.words.choice import OTHERWISE


class SignaturesStep(Step[WithWords[MinHashRecipe]]):
    """Signs each document. Documents too short for a shingle have no signature."""

    name = "signatures"
    uncompressed = ("bands", "signatures")

    def __init__(self, section: WithWords[MinHashRecipe], folder: Path) -> None:
        super().__init__(section, folder)
        words, minhash = section
        self._params = MinHashParams(minhash.ngram, minhash.buckets, minhash.hashes, minhash.seed)
        self._hash, self._words = minhash.hash, words if minhash.hash == "datatrove" else OTHERWISE
        self.tables = {"bands": bands_schema(minhash.buckets)}
        if minhash.signatures:
            self.tables["signatures"] = signatures_schema(np.dtype(np.uint64 if minhash.hash == "datatrove" else np.uint32), self._params.n_permutations)

    @classmethod
    def key(cls, section: WithWords[MinHashRecipe]) -> Any:
        """Parameters, and the word splitter if it matters."""
        words, minhash = section
        return [signature_key(minhash, words), minhash.signatures]

    def apply(self, batch: Batch) -> None:
        """Fill the tables."""
        signed = [(portion.rows, signer(self._hash, portion.splitter.name, self._params)(portion.texts)) for portion in portions(batch, self._words)]
        order = np.argsort(np.concatenate([rows for rows, _ in signed]))
        sig, exists = (np.concatenate(arrays)[order] for arrays in zip(*(signatures for _, signatures in signed), strict=True))
        batch.tables["bands"] = bands_batch(sig, exists, self._params.buckets)
        if "signatures" in self.tables:
            batch.tables["signatures"] = signatures_batch(sig, exists)


def signature_key(minhash: MinHashRecipe | None, words: str) -> dict[str, Any] | None:
    """Everything that a signature depends on; runs with equal values can be compared. None without MinHash."""
    if minhash is None:
        return None
    own = minhash.model_dump(include={"hash", "ngram", "buckets", "hashes", "seed"})
    return {**own, "words": words if minhash.hash == "datatrove" else "", "version": HASH_VERSION}
