"""Fourth stage: write the kept documents of each task, in reading order, and all verdicts."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curate.compare.collection import HELD_OUT, KEPT
from curate.recipe import CurateRecipe
from curate.report.partial import TaskTables, summarise
from curate.rewrite.cuts import cut_texts
from curate.rules.decide import RuleSet
from curate.rules.fired import verdict_table
from curate.steps.identity import content_ids
from shards.schemas import DOCUMENTS, VERDICTS
from shards.stages import Stage

WRITE_VERSION = 5
"""Increased when the same documents and decisions would give other files."""


class WriteFolders(NamedTuple):
    """Folders of this stage and of earlier ones."""

    written: str
    measured: str
    decided: str
    compared: str


@dataclass(frozen=True)
class WriteJob:
    """What a worker needs for one task. Its documents start at row `first` of the collection."""

    folders: WriteFolders
    task: int
    first: int
    recipe: CurateRecipe
    rule_sets: tuple[RuleSet, ...]


def write_task(job: WriteJob) -> int:
    """Commit tables `documents`, `held_out` and `verdicts` of one task; info: `summary`, its part of the report. Returns the number kept."""
    measured, compared = Stage(Path(job.folders.measured)), Stage(Path(job.folders.compared))
    as_read = measured.table(job.task, "documents")
    outcomes = compared.table(0, "outcomes").slice(job.first, as_read.num_rows)
    documents = _cut(as_read, compared.table(0, "cuts"), job.first)
    documents = _with_columns(documents, outcomes["cluster_size"], job)
    tables = {name: documents.filter(pc.equal(outcomes["outcome"], outcome)) for name, outcome in (("documents", KEPT), ("held_out", HELD_OUT))}
    n_kept = sum(table.num_rows for table in tables.values())
    schemas = dict.fromkeys(tables, documents.schema) | {"verdicts": VERDICTS}
    signals = pl.DataFrame(measured.table(job.task, "signals"))
    tables["verdicts"] = _verdicts(job, signals)
    summary = summarise(TaskTables(as_read, outcomes, tables["verdicts"], signals), job.rule_sets, job.recipe.seed)
    batches = {name: table.combine_chunks().to_batches() for name, table in tables.items()}
    Stage(Path(job.folders.written)).commit(job.task, batches, schemas, {"summary": summary})
    return n_kept


def _cut(documents: pa.Table, cuts: pa.Table, first: int) -> pa.Table:
    """Remove the cuts of deciders. A changed document gets the id of its new text."""
    table = np.stack([cuts[name].to_numpy() for name in ("row", "start", "end")], axis=1)
    cut_here = table[np.searchsorted(table[:, 0], first) : np.searchsorted(table[:, 0], first + documents.num_rows)]
    if not len(cut_here):
        return documents
    texts = cut_texts(documents["text"].combine_chunks(), cut_here - np.array([first, 0, 0]))
    documents = documents.set_column(documents.schema.get_field_index("text"), DOCUMENTS.field("text"), texts)
    return documents.set_column(documents.schema.get_field_index("id"), DOCUMENTS.field("id"), content_ids(texts))


def _with_columns(documents: pa.Table, cluster_size: pa.ChunkedArray, job: WriteJob) -> pa.Table:
    documents = documents.append_column("cluster_size", cluster_size)
    metadata = pl.Series(documents["metadata"])
    for name in job.recipe.keep_columns:
        column = metadata.str.json_path_match(f"$['{name}']")
        documents = documents.append_column(pa.field(name, pa.string()), column.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string()))
    if job.recipe.keep_signals:
        signals = Stage(Path(job.folders.measured)).table(job.task, "signals", job.recipe.keep_signals)
        for name in job.recipe.keep_signals:
            documents = documents.append_column(signals.schema.field(name), signals[name])
    return documents


def _verdicts(job: WriteJob, signals: pl.DataFrame) -> pa.Table:
    """Unreadable records first, then documents in order; the verdicts of a document in the order of the run."""
    measured = Stage(Path(job.folders.measured))
    fired = pl.DataFrame(Stage(Path(job.folders.compared)).table(0, "fired"))
    start, stop = (fired["row"].search_sorted(number) for number in (job.first, job.first + signals.height))
    later = fired[start:stop].with_columns(pl.col("row") - job.first)
    decided = pl.DataFrame(Stage(Path(job.folders.decided)).table(job.task, "fired"))
    places = signals.select("doc_id", "file", "row")
    return pa.concat_tables([measured.table(job.task, "verdicts"), verdict_table(pl.concat([decided, later]), places)])
