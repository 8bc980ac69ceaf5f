"""One task of a tokenization run: encodes a slice of a document file, and rechecks some documents against the reference."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from shards.names import Count
from shards.schemas import token_type, tokens_schema
from shards.stages import Stage
from tokenize_tools.backends import Backend, Ids, PanicError, build
from tokenize_tools.definition import Definition
from tokenize_tools.errors import TokenizeError
from tokenize_tools.probe import REFERENCE
from tokenize_tools.sample import source_numbers
from tokenize_tools.synthetic import marked_batches
from tokenize_tools.texts import cut_by_bytes, id_keys, numbers, text_offsets


@dataclass(frozen=True)
class Encoding:
    """How documents become ids: tokenizer, backend, ids added to each document (None: no id), batch size and checks."""

    definition: Definition
    backend: str
    bos_id: int | None
    eos_id: int | None
    batch_bytes: int
    recheck_every: int
    count_only: bool = False
    """Count tokens by source without storing them."""


@dataclass(frozen=True)
class EncodeTask:
    """Record batches `first:stop` of one document file."""

    number: int
    file: Path
    first: int
    stop: int
    stage: Path
    encoding: Encoding


COUNTED = ("n_documents", "n_bytes", "n_tokens", "n_synthetic_tokens")


class TaskInfo(BaseModel):
    """What the commit of a task records; `sources` has the figures of `COUNTED` by source."""

    model_config = ConfigDict(extra="forbid")

    n_documents: Count
    n_bytes: Count
    n_tokens: Count
    n_synthetic_tokens: Count
    sources: dict[str, dict[str, Count]]
    special_text: Count
    differs: Count


class _DiffersError(Exception):
    """On a document of this task, the backend failed or gave different ids from the reference."""


def run_task(task: EncodeTask) -> dict[str, Any]:
    """Encode and commit one task; with the reference alone if the backend panics on a document or differs on a rechecked one.

    Returns the commit's info: `n_documents`, `n_bytes` (UTF-8 bytes of text), `n_tokens`, `n_synthetic_tokens` (of synthetic documents), the same by
    `sources`, `special_text` (occurrences of the text of special tokens in documents), and `differs` (1 if the reference had to encode the task).
    """
    try:
        return _commit(task, build(task.encoding.backend, task.encoding.definition), differs=0)
    except _DiffersError:
        return _commit(task, build(REFERENCE, task.encoding.definition), differs=1)


def _commit(task: EncodeTask, backend: Backend, differs: int) -> dict[str, Any]:
    encoding, stage = task.encoding, Stage(task.stage)
    schemas = {} if encoding.count_only else {"tokens": tokens_schema(encoding.definition.id_bytes)}
    counts: dict[str, np.ndarray] = {}
    pattern, special_text = "|".join(map(re.escape, encoding.definition.added_tokens(special=True))), 0
    with stage.open_task(task.number, schemas, compression=None, token_column="tokens") as writer:
        for documents in _documents(task):
            ids = encode_batch(documents, backend, encoding)
            count(documents, ids, counts)
            special_text += occurrences(documents.column("text"), pattern)
            if not encoding.count_only:
                writer.write("tokens", tokens_batch(documents, ids, encoding))
        totals = {name: int(sum(source_counts[index] for source_counts in counts.values())) for index, name in enumerate(COUNTED)}
        sources = {source: dict(zip(COUNTED, map(int, counts[source]), strict=True)) for source in sorted(counts)}
        writer.commit(totals | {"sources": sources, "special_text": special_text, "differs": differs})
    return stage.info(task.number)


def count(documents: pa.RecordBatch, ids: Ids, counts: dict[str, np.ndarray]) -> None:
    """Add the documents, bytes of text, ids, and ids of synthetic documents of a batch to `counts`, by source; a null source counts as ""."""
    names, source_indices = source_numbers(documents)
    n_ids = np.diff(ids.offsets)
    made = documents.column("synthetic").to_numpy(zero_copy_only=False)
    sizes = (np.ones(len(source_indices)), np.diff(text_offsets(documents.column("text"))), n_ids, n_ids * made)
    sums = np.stack([np.bincount(source_indices, weights, len(names)) for weights in sizes], 1).astype(np.int64)
    for name, row in zip(names, sums, strict=True):
        counts[name] = counts.get(name, 0) + row


def occurrences(texts: pa.LargeStringArray, pattern: str) -> int:
    """Number of matches of a pattern (RE2 syntax) in the texts; 0 for an empty pattern."""
    return pc.sum(pc.count_substring_regex(texts, pattern)).as_py() or 0 if pattern else 0


def _documents(task: EncodeTask) -> Iterator[pa.RecordBatch]:
    for batch in marked_batches(task.file, task.first, task.stop):
        if batch.column("text").null_count:
            raise TokenizeError(f"{task.file}: a document without text in record batches {task.first} to {task.stop - 1}; rerun what made this set")
        yield from cut_by_bytes(batch, task.encoding.batch_bytes)


def encode_batch(documents: pa.RecordBatch, backend: Backend, encoding: Encoding) -> Ids:
    """The ids of a batch with the columns `id` and `text`, including bos and eos."""
    try:
        ids = backend.encode(documents.column("text"))
    except PanicError as error:
        if backend.name == REFERENCE:
            raise
        raise _DiffersError from error
    if backend.name != REFERENCE:
        _recheck(documents, ids, encoding)
    return wrap(ids, encoding.bos_id, encoding.eos_id)


def tokens_batch(documents: pa.RecordBatch, ids: Ids, encoding: Encoding) -> pa.RecordBatch:
    """A batch of the tokens schema: ids of the documents, tokens, bytes of text and sources."""
    value_type = token_type(encoding.definition.id_bytes)
    tokens = pa.LargeListArray.from_arrays(numbers(ids.offsets), numbers(ids.flat.astype(value_type.to_pandas_dtype(), copy=False)))
    columns = [documents.column("id"), tokens, numbers(np.diff(text_offsets(documents.column("text"))))]
    columns += [documents.column("source"), documents.column("synthetic")]
    return pa.record_batch(columns, schema=tokens_schema(encoding.definition.id_bytes))


def wrap(ids: Ids, bos_id: int | None, eos_id: int | None) -> Ids:
    """Add `bos_id` before and `eos_id` after every document; None adds nothing."""
    before, after = int(bos_id is not None), int(eos_id is not None)
    if not before + after:
        return ids
    n_docs = len(ids.offsets) - 1
    offsets = ids.offsets + np.arange(n_docs + 1) * (before + after)
    flat = np.empty(offsets[-1], np.uint32)
    is_text = np.ones(len(flat), bool)
    for position, token in ((offsets[:-1], bos_id), (offsets[1:] - 1, eos_id)):
        if token is not None:
            flat[position] = token
            is_text[position] = False
    flat[is_text] = ids.flat
    return Ids(flat, offsets)


def _recheck(documents: pa.RecordBatch, ids: Ids, encoding: Encoding) -> None:
    chosen = np.flatnonzero(id_keys(documents.column("id")) % np.uint64(encoding.recheck_every) == 0)
    if not len(chosen):
        return
    expected = build(REFERENCE, encoding.definition).encode(documents.column("text").take(numbers(chosen)))
    for index, row in enumerate(chosen):
        if not np.array_equal(expected.document(index), ids.document(int(row))):
            raise _DiffersError
