"""Anchors of the final texts, for finding repeated substrings: table `anchors`, one row a document."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.dedup.winnow import find_anchors
from curate.kernels.buffers import text_buffers
from curate.recipe import CurateRecipe
from curate.steps.batch import Batch, Step


class AnchorsStep(Step):
    """One list of uint64 a document; empty for documents shorter than the shortest repetition."""

    uncompressed = ("anchors",)

    def __init__(self, recipe: CurateRecipe, folder: Path) -> None:
        super().__init__(recipe, folder)
        assert recipe.dedup.substring is not None
        self._min_bytes = recipe.dedup.substring.min_bytes
        self.tables = {"anchors": pa.schema([("hashes", pa.large_list(pa.uint64()))])}

    @classmethod
    def key(cls, recipe: CurateRecipe) -> Any:
        """The length of windows."""
        return recipe.dedup.substring and [recipe.dedup.substring.min_bytes]

    def apply(self, batch: Batch) -> None:
        """Find anchors."""
        found = find_anchors(*text_buffers(batch.texts), self._min_bytes)
        column = pa.LargeListArray.from_arrays(pa.array(found.doc_offsets), pa.array(found.hashes))
        batch.tables["anchors"] = pa.record_batch([column], schema=self.tables["anchors"])
