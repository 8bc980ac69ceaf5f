"""First stage: read the inputs and apply the steps to every batch. Text is read once; any number of decisions can use the measurements.

A task commits these tables, in the order of its inputs: `documents` (text and where it was read), `signals` (measurements, with the id
of each document), `verdicts` (records that could not be read or were empty), and the tables of its steps. Tables are written while the
task runs, so memory does not grow with the size of the inputs.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError
from curate.extract.watched import KILLED
from curate.read.batch import BATCH_BYTES, BATCH_ROWS, FileFault
from curate.read.documents import looks_like, read_part
from curate.read.file_names import file_name
from curate.read.part import FilePart, Tally
from curate.read.tasks import Task
from curate.recipe import CurateRecipe
from curate.steps.batch import SITED, Batch, Step
from curate.steps.order import make_steps
from shards.atomic import file_checksum
from shards.schemas import DOC_ID, DOCUMENTS, VERDICTS
from shards.stages import Stage, TaskWriter

MEASURE_VERSION = 12
"""Increased when the same input would give other tables, so that older tables are not reused."""

_PLACE = pa.schema([("doc_id", DOC_ID), ("file", pa.string()), ("row", pa.int64()), ("source", pa.string())])


@dataclass(frozen=True)
class MeasureJob:
    """What a worker needs for one task."""

    folder: str
    task: Task
    recipe: CurateRecipe


def measure_task(job: MeasureJob) -> dict[str, Mapping[str, float]]:
    """Run and commit one task. Returns its `counts`: `read`, `bytes`, `unreadable`, `empty`, and those of the steps; and CPU `seconds` by step."""
    steps = make_steps(job.recipe, Path(job.folder))
    counts: Counter[str] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    sources: Counter[str] = Counter()
    start = time.process_time()
    faults: list[dict[str, str]] = []
    tally = Tally()
    looks: defaultdict[str, Counter[str]] = defaultdict(Counter)
    uncompressed = [name for step in steps for name in step.uncompressed]
    with Stage(Path(job.folder)).open_task(job.task.number, table_schemas(steps), uncompressed) as writer:
        inputs = _inputs(job.task)
        for raw in _sited_batches(job.task, faults, tally):
            sources.update(dict(Counter(raw["source"].to_pylist())))
            for kind, by_source in looks_like(raw).items():
                looks[kind].update(by_source)
            faults += _killed(raw)
            counts.update(_measure_batch(raw, steps, writer, seconds))
        records = {"seen": tally.seen, "passed_over": tally.passed_over}
        writer.commit({"counts": counts, "records": records, "sources": sources, "looks_like": looks, "faults": faults, "inputs": inputs})
    seconds["reading and writing"] = time.process_time() - start - sum(seconds.values())
    return {"counts": counts, "seconds": seconds}


def signals_schema(steps: Sequence[Step]) -> pa.Schema:
    """Columns of the signals table: where the document was read, then what each step measures. Raises CurateError if two columns have one name."""
    measured = [field for step in steps for field in step.columns]
    schema = pa.schema([*_PLACE, *(field for field in measured if field.name != "doc_id")])
    duplicate = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if duplicate is not None:
        raise CurateError(f"{duplicate} is measured twice; rename the model of that name")
    return schema


def table_schemas(steps: Sequence[Step]) -> dict[str, pa.Schema]:
    """Schemas of all tables of a task, by name."""
    own = {"documents": DOCUMENTS, "signals": signals_schema(steps), "verdicts": VERDICTS}
    return own | {name: schema for step in steps for name, schema in step.tables.items()}


def _inputs(task: Task) -> list[dict[str, Any]]:
    """Lineage of the files that start in this task. An unreadable file has no checksum; reading it reports the fault."""
    inputs = []
    for file in (part.file for part in task.parts if part.start == 0):
        try:
            checksum = "" if file.problem else file_checksum(Path(file.path))
        except OSError:
            checksum = ""
        inputs.append({"source": file.input.source, "file": file.name, "n_bytes": file.n_bytes, "checksum": checksum})
    return inputs


def _sited_batches(task: Task, faults: list[dict[str, str]], tally: Tally) -> Iterator[pa.RecordBatch]:
    """Raw batches of the task, with file and source. Small ones are joined, since a small file gives a single row."""
    pending: list[pa.RecordBatch] = []
    n_rows = n_bytes = 0
    for part in task.parts:
        try:
            for batch in read_part(part, tally):
                pending.append(_sited(batch, part))
                n_rows, n_bytes = n_rows + batch.num_rows, n_bytes + batch.nbytes
                if n_rows >= BATCH_ROWS or n_bytes >= BATCH_BYTES:
                    yield pa.concat_batches(pending)
                    pending, n_rows, n_bytes = [], 0, 0
        except FileFault as error:
            fault = {"file": file_name(part.file.path), "problem": str(error)}
            if fault not in faults:
                faults.append(fault)
    if pending:
        yield pa.concat_batches(pending)


def _killed(raw: pa.RecordBatch) -> list[dict[str, str]]:
    """A fault for each page whose extraction was killed. This may be the machine's fault, so the run must not end as if all were well."""
    killed = raw.filter(pc.equal(pc.fill_null(raw["rule"], ""), KILLED)).select(["file", "row", "problem"])
    return [{"file": row["file"], "problem": f"row {row['row']}: {row['problem']}"} for row in killed.to_pylist()]


def _sited(batch: pa.RecordBatch, part: FilePart) -> pa.RecordBatch:
    place = [pa.repeat(pa.scalar(value, pa.string()), batch.num_rows) for value in (part.file.name, part.file.input.source)]
    return pa.record_batch([*batch.columns, *place], schema=SITED)


def _measure_batch(raw: pa.RecordBatch, steps: Sequence[Step], writer: TaskWriter, seconds: defaultdict[str, float]) -> Counter[str]:
    """Write the tables of a raw batch. Returns the counts, and adds to CPU `seconds` by step."""
    readable = pc.is_null(raw["problem"])
    documents = raw.filter(readable)
    texts = pc.fill_null(documents["text"], "")
    is_empty = pc.equal(pc.utf8_trim_whitespace(texts), "")
    writer.write("verdicts", _read_verdicts(raw.filter(pc.invert(readable))))
    writer.write("verdicts", _read_verdicts(documents.filter(is_empty)))
    batch = Batch(texts.filter(pc.invert(is_empty)), documents.filter(pc.invert(is_empty)))
    batch.counts.update(read=raw.num_rows, unreadable=raw.num_rows - documents.num_rows, empty=documents.num_rows - len(batch.texts))
    for step in steps:
        start = time.process_time()
        step.apply(batch)
        seconds[step.name] += time.process_time() - start
    _write(batch, steps, writer)
    return batch.counts


def _write(batch: Batch, steps: Sequence[Step], writer: TaskWriter) -> None:
    rows, columns = batch.rows, batch.columns
    place = [columns["doc_id"], rows["file"], rows["row"], rows["source"]]
    schema = signals_schema(steps)
    writer.write("signals", pa.record_batch([*place, *(columns[name] for name in schema.names[len(place) :])], schema=schema))
    document = [columns["doc_id"], batch.texts, rows["source"], columns["language"], rows["url"], rows["metadata"], rows["file"], rows["row"]]
    writer.write("documents", pa.record_batch(document, schema=DOCUMENTS))
    for name, table in batch.tables.items():
        writer.write(name, table)


def _read_verdicts(documents: pa.RecordBatch) -> pa.RecordBatch:
    """Verdicts of records without text: the reader's reason, or `read/empty`."""
    n = documents.num_rows
    rule = pc.fill_null(documents["rule"], "read/empty")
    columns = [
        pa.nulls(n, DOC_ID),
        documents["file"],
        documents["row"],
        pc.replace_substring_regex(rule, "/.*", ""),
        rule,
        pa.nulls(n, pa.float64()),
        pa.nulls(n, pa.float64()),
        documents["problem"],
    ]
    return pa.record_batch(columns, schema=VERDICTS)
