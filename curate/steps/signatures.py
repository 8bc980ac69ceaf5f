"""MinHash signatures of the final texts: table `signatures`, one row a document."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.dedup.minhash import MinHashParams, signatures
from curate.recipe import CurateRecipe
from curate.signals.words import WordSplitter
from curate.steps.batch import Batch, Step


class SignaturesStep(Step):
    """One fixed-size list of uint64 a document; null for documents too short to have shingles."""

    uncompressed = ("signatures",)

    def __init__(self, recipe: CurateRecipe, folder: Path) -> None:
        super().__init__(recipe, folder)
        assert recipe.dedup.minhash is not None
        self._splitter = WordSplitter(recipe.words)
        self._params = MinHashParams(**recipe.dedup.minhash.model_dump())
        self.tables = {"signatures": pa.schema([("signature", pa.list_(pa.uint64(), self._params.n_permutations))])}

    @classmethod
    def key(cls, recipe: CurateRecipe) -> Any:
        """Words and parameters."""
        return recipe.dedup.minhash and [recipe.words, recipe.dedup.minhash.model_dump()]

    def apply(self, batch: Batch) -> None:
        """Sign."""
        values, has_signature = signatures(batch.texts, self._splitter, self._params)
        column = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1], mask=pa.array(~has_signature))
        batch.tables["signatures"] = pa.record_batch([column], schema=self.tables["signatures"])
