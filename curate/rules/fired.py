"""Verdicts as they are gathered, before they get their documents' names."""

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from shards.schemas import VERDICTS

FIRED_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("stage", pa.large_string()),
        ("rule", pa.large_string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("detail", pa.large_string()),
    ]
)
"""Verdicts before they get the names of their documents: `row` is the document's index; the other columns are those of the verdict table."""
FIRED = dict(pl.DataFrame(FIRED_SCHEMA.empty_table()).schema)
"""The same as a schema of polars."""


def fired(frame: pl.DataFrame, **columns: Any) -> pl.DataFrame:
    """`frame` with further columns, in the shape of `FIRED`: arrays and series as they are, anything else repeated, absent ones null."""
    is_column = {name: isinstance(value, np.ndarray | pl.Series) for name, value in columns.items()}
    frame = frame.with_columns(
        *(pl.Series(name, value) if is_column[name] else pl.lit(value).alias(name) for name, value in columns.items()),
    )
    absent = [pl.lit(None).alias(name) for name in FIRED if name not in frame.columns]
    return frame.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in FIRED.items())


def verdict_table(gathered: pl.DataFrame, places: pl.DataFrame) -> pa.Table:
    """The verdicts of documents `places` (doc_id, file, row, in order), ordered by document, and for each in the order of `gathered`."""
    numbered = places.rename({"row": "number"}).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    ordered = gathered.sort("row", maintain_order=True).join(numbered, on="row", how="left", maintain_order="left")
    table = ordered.drop("row").rename({"number": "row"}).select(VERDICTS.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.set_column(0, "doc_id", table["doc_id"].cast(pa.binary()).cast(pa.binary(16))).cast(VERDICTS)
