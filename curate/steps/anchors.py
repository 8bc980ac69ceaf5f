"""Anchors of the final texts, to find repeated substrings with: table `anchors`, one row per document."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.dedup.recipe import SubstringRecipe
from curate.dedup.winnow import find_anchors
from curate.kernels.buffers import text_buffers
from curate.steps.batch import Batch, Step


class AnchorsStep(Step[SubstringRecipe]):
    """One list of uint64 per document; empty for documents shorter than the minimum length of a repetition."""

    name = "anchors"
    uncompressed = ("anchors",)

    def __init__(self, section: SubstringRecipe, folder: Path) -> None:
        super().__init__(section, folder)
        self._min_bytes = section.min_bytes
        self.tables = {"anchors": pa.schema([("hashes", pa.large_list(pa.uint64()))])}

    @classmethod
    def key(cls, section: SubstringRecipe) -> Any:
        """The minimum length of a repetition."""
        return [section.min_bytes]

    def apply(self, batch: Batch) -> None:
        """Fill the table `anchors`."""
        anchors = find_anchors(*text_buffers(batch.texts), self._min_bytes)
        column = pa.LargeListArray.from_arrays(pa.array(anchors.doc_offsets), pa.array(anchors.hashes))
        batch.tables["anchors"] = pa.record_batch([column], schema=self.tables["anchors"])
