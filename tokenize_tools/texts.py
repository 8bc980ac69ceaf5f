"""Reads documents sets for encoding: sizes, slices and samples of texts, without a Python object per document."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from shards.manifest import verify
from shards.read import ShardSet
from shards.schemas import DOCUMENTS, require
from tokenize_tools.errors import TokenizeError

_BEGINNING = 1 << 14


def open_documents(path: Path) -> ShardSet:
    """A documents set whose files are complete and have ids, texts, sources and languages. Raises TokenizeError or ShardError otherwise."""
    documents = ShardSet(path, "documents", verify=False)
    for fault in verify(documents.folder):
        raise TokenizeError(f"{documents.folder / fault.file}: {fault.problem}; restore the file, or rerun the command that made this set")
    needed = pa.schema([DOCUMENTS.field(name) for name in ("id", "text", "source", "language")])
    for file in documents.manifest.files:
        lacking = require(pa.ipc.open_file(pa.memory_map(str(documents.folder / file.name))).schema, needed)
        if lacking:
            raise TokenizeError(f"{documents.folder / file.name}: no usable column {', '.join(lacking)}; a documents set has {', '.join(DOCUMENTS.names)}")
    return documents


def strings(texts: Sequence[str]) -> pa.LargeStringArray:
    """The texts as an Arrow array. `pa.array` would import pandas if it is installed, which takes half a second."""
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def numbers(values: np.ndarray) -> pa.Array:
    """A one-dimensional array of numbers as an Arrow array over the same memory, without importing pandas (as `strings`)."""
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def record_batches(file: Path, columns: Sequence[str], first: int = 0, stop: int | None = None) -> Iterator[pa.RecordBatch]:
    """Record batches `first:stop` of an Arrow file, one in memory at a time; only the named columns are decompressed."""
    source = pa.memory_map(str(file))
    schema = pa.ipc.open_file(source).schema
    options = pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in columns])
    reader = pa.ipc.open_file(source, options=options)
    for index in range(first, reader.num_record_batches if stop is None else stop):
        yield reader.get_batch(index).select(list(columns))


def id_keys(ids: pa.FixedSizeBinaryArray) -> np.ndarray:
    """The first 8 bytes of each 16-byte document id as (n_docs,) uint64: uniformly distributed, equal on every machine."""
    if not len(ids):
        return np.empty(0, np.uint64)
    words = np.frombuffer(ids.buffers()[1], dtype="<u8").reshape(-1, 2)
    return words[ids.offset : ids.offset + len(ids), 0]


def text_offsets(texts: pa.LargeStringArray) -> np.ndarray:
    """Arrow's own offsets of the texts in their UTF-8 buffer, (n_docs + 1,) int64; the first need not be 0."""
    if not len(texts):
        return np.zeros(1, np.int64)
    return np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]


def text_bytes(texts: pa.LargeStringArray) -> int:
    """UTF-8 bytes of all texts."""
    offsets = text_offsets(texts)
    return int(offsets[-1] - offsets[0])


def cut_by_bytes(batch: pa.RecordBatch, batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """Slices of a documents batch with at most `batch_bytes` of text each; a longer document is a slice of its own."""
    offsets = text_offsets(batch.column("text"))
    start = 0
    while start < batch.num_rows:
        stop = int(np.searchsorted(offsets, offsets[start] + batch_bytes, side="right")) - 1
        stop = max(min(stop, batch.num_rows), start + 1)
        yield batch.slice(start, stop - start)
        start = stop


def sample_batches(sets: Sequence[ShardSet], sample_bytes: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows with about `sample_bytes` UTF-8 bytes of text. Documents are selected by their ids, with the same probability in all sets.

    Raises TokenizeError if the sets contain no text.
    """
    total = sum(text_bytes(batch.column("text")) for documents in sets for batch in set_batches(documents, ["text"]))
    if not total:
        raise TokenizeError(f"{', '.join(str(documents.folder) for documents in sets)}: no text")
    bound = np.uint64(min(sample_bytes * (1 << 64) // total, (1 << 64) - 1))
    for documents in sets:
        for batch in set_batches(documents, ["id", *columns]):
            yield batch.filter(pa.array(id_keys(batch.column("id")) <= bound))


def first_texts(sets: Sequence[ShardSet], sample_bytes: int) -> list[str]:
    """The beginnings of the first documents of each set, about `sample_bytes` characters in total."""
    beginnings = []
    for documents in sets:
        left = sample_bytes // len(sets)
        for text in (text.as_py()[:_BEGINNING] for batch in set_batches(documents, ["text"]) for text in batch.column("text").drop_null()):
            beginnings.append(text)
            left -= len(text)
            if left <= 0:
                break
    return beginnings


def set_batches(documents: ShardSet, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """All record batches of a set, one in memory at a time; only the named columns are decompressed."""
    for file in documents.manifest.files:
        yield from record_batches(documents.folder / file.name, columns)
