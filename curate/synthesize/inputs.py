"""The inputs as shards: pieces of documents sets that are processed, journalled and committed one by one."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import xxhash

from curate.errors import CurateError
from curate.read.recipe import source_name
from curate.synthesize.types import SourceDocument
from shards.manifest import MANIFEST_NAME, Parent, ShardFile, file_problem
from shards.read import ShardSet

SHARD_ROWS = 8192
"""Approximate documents per shard, since record batches are not cut. Bounds the memory of a journal's index."""
_PIECE_ROWS = 256
"""Documents held as Python objects at a time."""
_COLUMNS = ["id", "text", "source", "language", "url", "metadata"]


_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")
_MAX_NAME = 160
"""Upper limit on the label's characters in a journal's name. A longer label, or one that would become mostly `_`, gets a hash."""


@dataclass(frozen=True)
class Shard:
    """Record batches [start, stop) of one file of an input. `label` names the file in messages and rows: INPUT/FILE."""

    number: int
    path: str
    file: ShardFile
    label: str
    start: int
    stop: int
    first_row: int
    n_rows: int

    @property
    def journal_name(self) -> str:
        """Name made from the location of the documents, so that a run with other shards finds the journal again."""
        label = self.label.removesuffix(".arrow")
        readable = _NOT_IN_NAMES.sub("_", label)
        if len(readable) > _MAX_NAME or _NOT_IN_NAMES.search(label.replace("/", "")):
            readable = f"{readable[:_MAX_NAME]}-{xxhash.xxh3_64_hexdigest(label.encode())}"
        return f"{readable}-{self.first_row:09d}"

    @property
    def content(self) -> str:
        """Checksum of the file, from its manifest."""
        return self.file.checksum


def open_inputs(folders: Sequence[str]) -> list[ShardSet]:
    """The documents sets. Raises CurateError, ShardError for a folder without one."""
    return [ShardSet(_set_folder(Path(folder)), "documents") for folder in folders]


def cut_shards(sets: Sequence[ShardSet], limit: int | None) -> list[Shard]:
    """All shards in order; with `limit`, only the first `limit` documents."""
    shards: list[Shard] = []
    left = limit
    for label, documents in zip(input_labels([documents.folder for documents in sets]), sets, strict=True):
        for file in documents.manifest.files:
            path = documents.folder / file.name
            for start, stop, first_row, n_rows in _slices(path):
                taken = n_rows if left is None else min(n_rows, left)
                if taken:
                    shards.append(Shard(len(shards), str(path), file, f"{label}/{file.name}", start, stop, first_row, taken))
                left = None if left is None else left - taken
    if not shards:
        raise CurateError("inputs: no documents in them")
    return shards


def input_labels(folders: Sequence[Path]) -> list[str]:
    """A name for each input: that of its folder, or of the parent if the folder is a run's `documents`; equal names are numbered."""
    names = [folder.resolve().parent.name if folder.name in ("documents", "held_out") else source_name(str(folder.resolve())) for folder in folders]
    seen: Counter[str] = Counter()
    labels = []
    for name in names:
        seen[name] += 1
        labels.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return labels


def parents(sets: Sequence[ShardSet]) -> tuple[Parent, ...]:
    """The inputs as lineage."""
    return tuple(documents.parent(label) for label, documents in zip(input_labels([documents.folder for documents in sets]), sets, strict=True))


def read_documents(shard: Shard) -> Iterator[SourceDocument]:
    """The shard's documents in order, one record batch in memory at a time. Raises CurateError if the file is damaged or was replaced."""
    row = shard.first_row
    pieces = (batch[start : start + _PIECE_ROWS] for batch in read_batches(shard, _COLUMNS) for start in range(0, batch.num_rows, _PIECE_ROWS))
    for piece in pieces:
        for record in piece.to_pylist():
            metadata = json.loads(record["metadata"]) if record["metadata"] else {}
            texts = {name: record[name] or "" for name in ("text", "source", "language", "url")}
            yield SourceDocument(record["id"].hex(), metadata=metadata, file=shard.label, row=row, **texts)
            row += 1


def read_batches(shard: Shard, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The shard's record batches with these columns, or all columns."""
    _verify(shard.path, shard.file)
    left = shard.n_rows
    with _reader(shard.path, columns) as reader:
        for index in range(shard.start, shard.stop):
            batch = reader.get_batch(index)[:left]
            left -= batch.num_rows
            yield batch.select(list(columns)) if columns else batch


def _set_folder(folder: Path) -> Path:
    inner = folder / "documents"
    return inner if not (folder / MANIFEST_NAME).exists() and (inner / MANIFEST_NAME).exists() else folder


def _slices(path: Path) -> Iterator[tuple[int, int, int, int]]:
    """Yield (first batch, last batch + 1, first row, rows)."""
    with _reader(str(path), ["row"]) as reader:
        sizes = [reader.get_batch(index).num_rows for index in range(reader.num_record_batches)]
    start = first_row = n_rows = 0
    for index, size in enumerate(sizes):
        if n_rows and n_rows + size > SHARD_ROWS:
            yield start, index, first_row, n_rows
            start, first_row, n_rows = index, first_row + n_rows, 0
        n_rows += size
    if n_rows:
        yield start, len(sizes), first_row, n_rows


def _reader(path: str, columns: Sequence[str] | None) -> pa.RecordBatchFileReader:
    source = pa.memory_map(path)
    if columns is None:
        return pa.ipc.open_file(source)
    schema = pa.ipc.open_file(source).schema
    return pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=[schema.get_field_index(name) for name in columns]))


@lru_cache(maxsize=64)
def _verify(path: str, file: ShardFile) -> None:
    problem = file_problem(Path(path), file)
    if problem:
        raise CurateError(f"{path}: {problem}; restore the file, or rerun the command that made it")
