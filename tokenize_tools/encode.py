"""One task of a tokenization run: a slice of a document file to token batches, re-checked against the reference on the way."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from shards.schemas import token_type, tokens_schema
from shards.stages import Stage
from tokenize_tools.backends import REFERENCE, Backend, Ids, build
from tokenize_tools.definition import Definition
from tokenize_tools.errors import TokenizeError
from tokenize_tools.texts import cut_by_bytes, id_keys, text_offsets


@dataclass(frozen=True)
class Encoding:
    """How documents become ids: tokenizer, backend, the ids put around each document (None: nothing), sizes and checks."""

    definition: Definition
    backend: str
    bos_id: int | None
    eos_id: int | None
    batch_bytes: int
    recheck_every: int


@dataclass(frozen=True)
class Task:
    """Record batches `first:stop` of one document file."""

    number: int
    file: Path
    first: int
    stop: int
    stage: Path
    encoding: Encoding


class _DiffersError(Exception):
    """The backend gave other ids than the reference on a document of this task."""


def run_task(task: Task) -> dict[str, int]:
    """Encode and commit one task, by the reference alone if the backend is found to differ on a re-checked document.

    Returns the commit's info: `n_documents`, `n_bytes` (UTF-8 bytes of text), `n_tokens`, `differs` (1 if the backend did).
    """
    try:
        return _commit(task, build(task.encoding.backend, task.encoding.definition), differs=0)
    except _DiffersError:
        return _commit(task, build(REFERENCE, task.encoding.definition), differs=1)


def _commit(task: Task, backend: Backend, differs: int) -> dict[str, int]:
    info = {"n_documents": 0, "n_bytes": 0, "n_tokens": 0, "differs": differs}
    schema = tokens_schema(task.encoding.definition.id_bytes)

    def batches() -> Iterator[pa.RecordBatch]:
        for documents in _documents(task):
            tokens = encode_batch(documents, backend, task.encoding)
            info["n_documents"] += tokens.num_rows
            info["n_bytes"] += int(tokens.column("n_bytes").to_numpy().sum())
            info["n_tokens"] += len(tokens.column("tokens").values)
            yield tokens

    stage = Stage(task.stage)
    # The commit record is written after the last batch, when `info` is complete.
    stage.commit(task.number, {"tokens": batches()}, {"tokens": schema}, info, compression=None, token_column="tokens")
    return stage.info(task.number)


def _documents(task: Task) -> Iterator[pa.RecordBatch]:
    reader = pa.ipc.open_file(pa.memory_map(str(task.file)))
    for index in range(task.first, task.stop):
        batch = reader.get_batch(index).select(["id", "text", "source"])
        if batch.column("text").null_count:
            raise TokenizeError(f"{task.file}: record batch {index} holds a document without text; rerun the command that made this set")
        yield from cut_by_bytes(batch, task.encoding.batch_bytes)


def encode_batch(documents: pa.RecordBatch, backend: Backend, encoding: Encoding) -> pa.RecordBatch:
    """A batch of the tokens schema from one with `id`, `text` and `source`."""
    texts = documents.column("text")
    ids = backend.encode(texts)
    if backend.name != REFERENCE:
        _recheck(documents, ids, encoding)
    around = wrap(ids, encoding.bos_id, encoding.eos_id)
    value_type = token_type(encoding.definition.id_bytes)
    tokens = pa.LargeListArray.from_arrays(pa.array(around.offsets), pa.array(around.flat.astype(value_type.to_pandas_dtype(), copy=False)))
    columns = [documents.column("id"), tokens, pa.array(np.diff(text_offsets(texts))), documents.column("source")]
    return pa.record_batch(columns, schema=tokens_schema(encoding.definition.id_bytes))


def wrap(ids: Ids, bos_id: int | None, eos_id: int | None) -> Ids:
    """Put `bos_id` before and `eos_id` after every document; None puts nothing."""
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
    expected = build(REFERENCE, encoding.definition).encode(documents.column("text").take(pa.array(chosen)))
    for place, row in enumerate(chosen):
        if not np.array_equal(expected.document(place), ids.document(int(row))):
            raise _DiffersError
