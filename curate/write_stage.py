"""Third stage: the kept documents of each task, in the order in which they were read."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curate.decide_stage import HELD_OUT, KEPT
from shards.schemas import DOCUMENTS
from shards.stages import Stage

WRITE_VERSION = 1
"""Raised when the same documents and decisions would give other files."""


@dataclass(frozen=True)
class WriteJob:
    """What a worker needs for one task: its documents are rows `first` and following of the decision."""

    folder: str
    measured: str
    decided: str
    task: int
    first: int
    keep_columns: tuple[str, ...]


def documents_schema(keep_columns: tuple[str, ...]) -> pa.Schema:
    """Documents with `cluster_size`, and the metadata keys that the recipe asks to keep as string columns."""
    return pa.schema([*DOCUMENTS, ("cluster_size", pa.int64()), *((name, pa.string()) for name in keep_columns)])


def write_task(job: WriteJob) -> int:
    """Commit tables `documents` and `held_out` of one task. Returns how many documents it kept."""
    documents = Stage(Path(job.measured)).table(job.task, "documents")
    decision = Stage(Path(job.decided)).table(0, "outcomes").slice(job.first, documents.num_rows)
    documents = _with_columns(documents, decision["cluster_size"], job.keep_columns)
    tables = {name: documents.filter(pc.equal(decision["outcome"], outcome)) for name, outcome in (("documents", KEPT), ("held_out", HELD_OUT))}
    schema = documents_schema(job.keep_columns)
    batches = {name: table.combine_chunks().to_batches() for name, table in tables.items()}
    Stage(Path(job.folder)).commit(job.task, batches, dict.fromkeys(tables, schema))
    return sum(table.num_rows for table in tables.values())


def _with_columns(documents: pa.Table, cluster_size: pa.ChunkedArray, keep_columns: tuple[str, ...]) -> pa.Table:
    metadata = pl.Series(documents["metadata"])
    documents = documents.append_column("cluster_size", cluster_size)
    for name in keep_columns:
        column = metadata.str.json_path_match(f"$['{name}']")
        documents = documents.append_column(pa.field(name, pa.string()), column.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string()))
    return documents
