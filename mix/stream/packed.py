"""Packed rows of one source, memory-mapped when they are first requested."""

import threading
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mix.errors import MixError
from mix.plan import PlanSource
from shards.errors import ShardError
from shards.manifest import ShardFile
from shards.remote import Mirror, open_set
from shards.schemas import require, rows_schema


class Chunk(NamedTuple):
    """One record batch of packed rows as memory-mapped arrays."""

    input_ids: NDArray[Any]
    n_tokens: NDArray[np.int32]
    seg_offsets: NDArray[np.int32]
    seg_lengths: NDArray[np.int32]
    seg_starts: NDArray[np.int64]
    seg_doc_ids: NDArray[np.uint8]


class PackedRows:
    """A plan's source: a rows set whose files are opened on first use. Raises MixError if the set is not the plan's."""

    def __init__(self, location: Path | Mirror, source: PlanSource, id_bytes: int, open_files: "OpenFiles", verify: bool) -> None:
        try:
            self._set = open_set(location, "rows", verify=verify)
        except ShardError as error:
            remedy = "" if isinstance(location, Mirror) else "; rerun `mix build`"
            raise MixError(f"packed rows cannot be read: {error}{remedy}") from None
        manifest = self._set.manifest
        facts = manifest.n_rows, manifest.info["n_tokens"], manifest.info["row_tokens"], manifest.info["id_bytes"]
        if manifest.hash != source.rows_hash or facts != (source.n_rows, source.n_tokens, source.row_tokens, id_bytes):
            raise MixError(f"{location}: these packed rows are not those of the mix's plan; rerun `mix build`")
        self._schema = rows_schema(id_bytes, source.row_tokens)
        self._mirror = location if isinstance(location, Mirror) else None
        self._open_files = open_files
        self._starts = list(accumulate((file.n_rows for file in self.files), initial=0))

    @property
    def files(self) -> tuple[ShardFile, ...]:
        """The set's data files."""
        return self._set.manifest.files

    def files_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) int64: index of the file that holds each of `rows` (n,)."""
        return np.searchsorted(self._starts, rows, side="right") - 1

    def fetch(self, file: int) -> None:
        """Bring a remote file into the cache, so that opening it does not wait."""
        if self._mirror is not None and not self._mirror.has(self.files[file]):
            self._mirror.fetch(self.files[file])

    def find(self, row: int) -> tuple[Chunk, int]:
        """The chunk that holds row `row` of the set, and the row's index in it."""
        file = bisect_right(self._starts, row) - 1
        opened = self._open_files.get((id(self), file)) or self._open(file)
        local = row - self._starts[file]
        number = bisect_right(opened.starts, local) - 1
        return opened.chunks[number], local - opened.starts[number]

    def _open(self, file: int) -> "OpenFile":
        table = self._set.open_table(file)
        if lacking := require(table.schema, self._schema):
            raise MixError(f"{self._set.folder / self.files[file].name}: no usable column {', '.join(lacking)}; rerun `mix build`")
        opened = _open_file(table)
        self._open_files.keep((id(self), file), self.files[file].n_bytes, opened)
        return opened


class OpenFile(NamedTuple):
    """The chunks of a file, and the index of each chunk's first row; the last index is the number of rows."""

    starts: list[int]
    chunks: list[Chunk]


class OpenFiles:
    """Open files, at most `max_bytes` of them (None: all); the file opened first is closed first. Safe for threads."""

    def __init__(self, max_bytes: int | None = None) -> None:
        self.max_bytes = max_bytes
        self._files: dict[tuple[int, int], tuple[int, OpenFile]] = {}
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int]) -> OpenFile | None:
        """The file of `key`, if it is open."""
        entry = self._files.get(key)
        return None if entry is None else entry[1]

    def keep(self, key: tuple[int, int], n_bytes: int, opened: OpenFile) -> None:
        """Keep a file of `n_bytes` bytes open."""
        with self._lock:
            self._files[key] = n_bytes, opened
            self._close_oldest(key)

    def _close_oldest(self, kept: tuple[int, int]) -> None:
        while self.max_bytes is not None and sum(n_bytes for n_bytes, _ in self._files.values()) > self.max_bytes:
            oldest = next(iter(self._files))
            if oldest == kept:
                break
            del self._files[oldest]


def _open_file(table: pa.Table) -> OpenFile:
    batches = table.to_batches()
    return OpenFile(list(accumulate((batch.num_rows for batch in batches), initial=0)), [_chunk(batch) for batch in batches])


def _chunk(batch: pa.RecordBatch) -> Chunk:
    ids, lengths = batch.column("input_ids"), batch.column("doc_lengths")
    doc_ids = np.frombuffer(batch.column("doc_ids").values.buffers()[1], np.uint8).reshape(-1, 16)
    return Chunk(
        ids.values.to_numpy().reshape(-1, ids.type.list_size),
        batch.column("n_tokens").to_numpy(),
        lengths.offsets.to_numpy(),
        lengths.values.to_numpy(),
        batch.column("doc_starts").values.to_numpy(),
        doc_ids,
    )
