"""Verdicts before they are joined with the ids and files of their documents."""

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
"""`row` is the document's index; the other columns are those of the verdict table."""
FIRED = dict(pl.DataFrame(FIRED_SCHEMA.empty_table()).schema)
"""`FIRED_SCHEMA` in polars."""


def fired(frame: pl.DataFrame, **columns: Any) -> pl.DataFrame:
    """Add columns to `frame` and give it the schema `FIRED`: arrays and series as they are, scalars repeated, missing columns null."""
    is_column = {name: isinstance(value, np.ndarray | pl.Series) for name, value in columns.items()}
    frame = frame.with_columns(
        *(pl.Series(name, value) if is_column[name] else pl.lit(value).alias(name) for name, value in columns.items()),
    )
    absent = [pl.lit(None).alias(name) for name in FIRED if name not in frame.columns]
    return frame.with_columns(absent).select(pl.col(name).cast(kind) for name, kind in FIRED.items())


def verdict_table(fired_verdicts: pl.DataFrame, places: pl.DataFrame) -> pa.Table:
    """The verdict table: `fired_verdicts` joined with `places` (doc_id, file, row of each document), ordered by document, then as given."""
    numbered = places.rename({"row": "number"}).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    ordered = fired_verdicts.sort("row", maintain_order=True).join(numbered, on="row", how="left", maintain_order="left")
    table = ordered.drop("row").rename({"number": "row"}).select(VERDICTS.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.set_column(0, "doc_id", table["doc_id"].cast(pa.binary()).cast(pa.binary(16))).cast(VERDICTS)
