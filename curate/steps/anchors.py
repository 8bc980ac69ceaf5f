"""Anchors of the final texts, for finding repeated substrings: table `anchors`, one row a document."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.dedup.recipe import SubstringRecipe
from curate.dedup.winnow import find_anchors
from curate.kernels.buffers import text_buffers
from curate.steps.batch import Batch, Step


class AnchorsStep(Step[SubstringRecipe]):
    """One list of uint64 a document; empty for documents shorter than the shortest repetition."""

    name = "anchors"
    uncompressed = ("anchors",)

    def __init__(self, section: SubstringRecipe, folder: Path) -> None:
        super().__init__(section, folder)
        self._min_bytes = section.min_bytes
        self.tables = {"anchors": pa.schema([("hashes", pa.large_list(pa.uint64()))])}

    @classmethod
    def key(cls, section: SubstringRecipe) -> Any:
        """The length of windows."""
        return [section.min_bytes]

    def apply(self, batch: Batch) -> None:
        """Find anchors."""
        found = find_anchors(*text_buffers(batch.texts), self._min_bytes)
        column = pa.LargeListArray.from_arrays(pa.array(found.doc_offsets), pa.array(found.hashes))
        batch.tables["anchors"] = pa.record_batch([column], schema=self.tables["anchors"])
