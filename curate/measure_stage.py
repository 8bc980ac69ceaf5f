"""First stage: read, repair, identify, measure. One pass over the text; what it measures serves any number of decisions.

A task commits four tables, in the order of its inputs: `documents` (text and where it was read), `signals` (what was measured,
with each document's id), `signatures` (MinHash, if the recipe wants it) and `verdicts` (what could not be read, or was empty).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from curate.dedup.minhash import MinHashParams, signatures
from curate.models.language import load_language_model
from curate.read.batch import BATCH_BYTES, BATCH_ROWS, RAW, FileFault
from curate.read.documents import read_part
from curate.read.tasks import Part, Task
from curate.recipe import CurateRecipe, MinHashRecipe
from curate.rewrite.unicode import MODES, fix_unicode
from curate.signals.buffers import text_buffers
from curate.signals.measure import measure
from curate.signals.words import WordSplitter
from shards.manifest import file_checksum
from shards.schemas import DOC_ID, DOCUMENTS, VERDICTS
from shards.stages import Stage

MEASURE_VERSION = 1
"""Raised when the same input would give other tables, so that older ones are not taken up again."""

_SITED = pa.schema([*RAW, ("file", pa.string()), ("source", pa.string())])
_FACTS = pa.schema(
    [
        ("doc_id", DOC_ID),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("language_score", pa.float32()),
        ("text_bytes", pa.int64()),
    ]
)


@dataclass(frozen=True)
class MeasureJob:
    """What a worker needs for one task."""

    folder: str
    task: Task
    recipe: CurateRecipe


@dataclass
class Measured:
    """What a task gathers while its documents stream by; small beside the text."""

    signals: list[pa.RecordBatch] = field(default_factory=list)
    signatures: list[pa.RecordBatch] = field(default_factory=list)
    verdicts: list[pa.RecordBatch] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=lambda: {"counts": Counter(), "sources": Counter(), "faults": [], "inputs": []})


def measure_task(job: MeasureJob) -> Counter[str]:
    """Run and commit one task. Returns its counts: `read`, `bytes`, `unreadable`, `empty`, `repaired`."""
    measured = Measured()
    minhash = job.recipe.dedup.minhash
    # `measured` fills while the documents are written; that is why they are the first table.
    tables: dict[str, Iterable[pa.RecordBatch]] = {
        "documents": _documents(job, measured),
        "signals": measured.signals,
        "verdicts": measured.verdicts,
    }
    schemas = {"documents": DOCUMENTS, "signals": signals_schema(job.recipe.words), "verdicts": VERDICTS}
    if minhash is not None:
        tables["signatures"] = measured.signatures
        schemas["signatures"] = signatures_schema(minhash)
    Stage(Path(job.folder)).commit(job.task.number, tables, schemas, measured.info)
    return measured.info["counts"]


def signals_schema(words: str) -> pa.Schema:
    """Columns of the signals table: where the document was read, its language, and all that `curate.signals` measures."""
    return pa.schema([*_FACTS, *measure(pa.array([], pa.large_string()), _splitter(words)).schema])


def signatures_schema(minhash: MinHashRecipe) -> pa.Schema:
    """One fixed-size list of uint64 a document; null for documents too short to have shingles."""
    return pa.schema([("signature", pa.list_(pa.uint64(), minhash.buckets * minhash.hashes))])


def check_words(words: str) -> None:
    """Raise CurateError for a word splitter that does not exist."""
    _splitter(words)


@lru_cache(maxsize=1)
def _splitter(words: str) -> WordSplitter:
    return WordSplitter(words)


def _documents(job: MeasureJob, measured: Measured) -> Iterator[pa.RecordBatch]:
    for part in job.task.parts:
        if part.start == 0:
            file = part.file
            checksum = file_checksum(Path(file.path))
            measured.info["inputs"].append({"source": file.input.source, "file": file.name, "n_bytes": file.n_bytes, "checksum": checksum})
    for raw in _sited_batches(job.task, measured.info["faults"]):
        yield _measure_batch(raw, job.recipe, measured)


def _sited_batches(task: Task, faults: list[dict[str, str]]) -> Iterator[pa.RecordBatch]:
    """All raw batches of the task with file and source, small ones joined: a folder of small files gives one row each."""
    waiting: list[pa.RecordBatch] = []
    n_rows = n_bytes = 0
    for part in task.parts:
        try:
            for batch in read_part(part):
                waiting.append(_sited(batch, part))
                n_rows, n_bytes = n_rows + batch.num_rows, n_bytes + batch.nbytes
                if n_rows >= BATCH_ROWS or n_bytes >= BATCH_BYTES:
                    yield pa.concat_batches(waiting)
                    waiting, n_rows, n_bytes = [], 0, 0
        except (FileFault, OSError) as error:
            faults.append({"file": part.file.path, "problem": str(error)})
    if waiting:
        yield pa.concat_batches(waiting)


def _sited(batch: pa.RecordBatch, part: Part) -> pa.RecordBatch:
    place = [pa.repeat(pa.scalar(value, pa.string()), batch.num_rows) for value in (part.file.name, part.file.input.source)]
    return pa.record_batch([*batch.columns, *place], schema=_SITED)


def _measure_batch(raw: pa.RecordBatch, recipe: CurateRecipe, measured: Measured) -> pa.RecordBatch:
    """Raw documents → documents; everything else goes to `measured`."""
    readable = pc.is_null(raw["problem"])
    documents = raw.filter(readable)
    texts = pc.fill_null(documents["text"], "")
    texts, repaired = fix_unicode(texts, MODES[recipe.unicode]) if recipe.unicode in MODES else (texts, np.zeros(len(texts), dtype=bool))
    is_empty = pc.equal(pc.utf8_trim_whitespace(texts), "")
    measured.verdicts.append(_read_verdicts(raw.filter(pc.invert(readable)), "unreadable"))
    measured.verdicts.append(_read_verdicts(documents.filter(is_empty), "empty"))
    documents, texts = documents.filter(pc.invert(is_empty)), texts.filter(pc.invert(is_empty))
    n_bytes = np.diff(text_buffers(texts)[1])
    measured.info["sources"].update(dict(Counter(raw["source"].to_pylist())))
    measured.info["counts"].update(
        read=raw.num_rows,
        bytes=int(n_bytes.sum()),
        unreadable=int(pc.sum(pc.invert(readable)).as_py() or 0),
        empty=int(pc.sum(is_empty).as_py() or 0),
        repaired=int(repaired.sum()),
    )
    return _measure_texts(documents, texts, n_bytes, recipe, measured)


def _measure_texts(documents: pa.RecordBatch, texts: pa.Array, n_bytes: np.ndarray, recipe: CurateRecipe, measured: Measured) -> pa.RecordBatch:
    ids = content_ids(texts)
    language, score = _languages(texts, recipe)
    file, row, source = documents["file"], documents["row"], documents["source"]
    signals = measure(texts, _splitter(recipe.words))
    facts = [ids, file, row, source, language, score, pa.array(n_bytes, pa.int64())]
    measured.signals.append(pa.record_batch([*facts, *signals.columns], schema=pa.schema([*_FACTS, *signals.schema])))
    if recipe.dedup.minhash is not None:
        measured.signatures.append(_signatures(texts, recipe.words, recipe.dedup.minhash))
    return pa.record_batch([ids, texts, source, language, documents["url"], documents["metadata"], file, row], schema=DOCUMENTS)


def content_ids(texts: pa.Array) -> pa.Array:
    """xxh3-128 of each text's UTF-8 bytes, (n_docs,) fixed-size binary(16), big-endian as in the canonical hexadecimal form."""
    utf8, offsets = text_buffers(texts)
    data, digest = memoryview(utf8.data), xxhash.xxh3_128_digest
    joined = b"".join([digest(data[start:stop]) for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)])
    return pa.FixedSizeBinaryArray.from_buffers(DOC_ID, len(texts), [None, pa.py_buffer(joined)])


def _languages(texts: pa.Array, recipe: CurateRecipe) -> tuple[pa.Array, pa.Array]:
    if recipe.language is None:
        return pa.repeat(pa.scalar("", pa.string()), len(texts)), pa.nulls(len(texts), pa.float32())
    found = load_language_model(recipe.language.model).identify(texts)
    return found.code, pa.array(found.score, pa.float32())


def _signatures(texts: pa.Array, words: str, minhash: MinHashRecipe) -> pa.RecordBatch:
    values, has_signature = signatures(texts, _splitter(words), MinHashParams(**minhash.model_dump()))
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1], mask=pa.array(~has_signature))
    return pa.record_batch([column], schema=signatures_schema(minhash))


def _read_verdicts(documents: pa.RecordBatch, rule: str) -> pa.RecordBatch:
    n = documents.num_rows
    columns = [
        pa.nulls(n, DOC_ID),
        documents["file"],
        documents["row"],
        pa.repeat(pa.scalar("read", pa.string()), n),
        pa.repeat(pa.scalar(f"read/{rule}", pa.string()), n),
        pa.nulls(n, pa.float64()),
        pa.nulls(n, pa.float64()),
        documents["problem"],
    ]
    return pa.record_batch(columns, schema=VERDICTS)
