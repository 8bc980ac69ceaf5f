"""Column `http_status`: the server's response status of documents from web archives; null for others."""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curate.steps.batch import Batch, Step

HTTP_STATUS = "http_status"
"""Readers store the status under this metadata key too, so that it stays with the document."""


class HttpStatusStep(Step[None]):
    """Copies the status from the metadata into a signal, where rules can use it."""

    name = "http_status"

    def __init__(self, section: None, folder: Path) -> None:
        super().__init__(section, folder)
        self.columns = [pa.field(HTTP_STATUS, pa.int32())]

    @classmethod
    def key(cls, section: None) -> Any:
        """Constant: depends on the metadata alone."""
        return True

    def apply(self, batch: Batch) -> None:
        """Parse the metadata if any document of the batch has a status."""
        metadata = batch.rows["metadata"]
        if not pc.any(pc.match_substring(metadata, f'"{HTTP_STATUS}":')).as_py():
            batch.columns[HTTP_STATUS] = pa.nulls(len(metadata), pa.int32())
            return
        status = pl.Series(metadata).str.json_path_match(f"$.{HTTP_STATUS}").cast(pl.Int32, strict=False)
        batch.columns[HTTP_STATUS] = status.to_arrow().cast(pa.int32())
