"""Column `http_status`: what the server answered, of documents from web archives; null for all others."""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curate.steps.batch import Batch, Step

HTTP_STATUS = "http_status"
"""Also the key of the metadata that readers store it under, so that it stays with the document."""


class HttpStatusStep(Step[None]):
    """Takes the status out of the metadata, where `curate decide` can use it."""

    name = "http_status"

    def __init__(self, section: None, folder: Path) -> None:
        super().__init__(section, folder)
        self.columns = [pa.field(HTTP_STATUS, pa.int32())]

    @classmethod
    def key(cls, section: None) -> Any:
        """Depends on nothing but the metadata."""
        return True

    def apply(self, batch: Batch) -> None:
        """Parse the metadata of batches in which any has a status."""
        metadata = batch.rows["metadata"]
        if not pc.any(pc.match_substring(metadata, f'"{HTTP_STATUS}":')).as_py():
            batch.columns[HTTP_STATUS] = pa.nulls(len(metadata), pa.int32())
            return
        told = pl.Series(metadata).str.json_path_match(f"$.{HTTP_STATUS}").cast(pl.Int32, strict=False)
        batch.columns[HTTP_STATUS] = told.to_arrow().cast(pa.int32())
