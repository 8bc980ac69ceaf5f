"""Packed rows of one source, memory-mapped as they are asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mix.errors import MixError
from shards.read import ShardSet


class Chunk(NamedTuple):
    """One record batch of packed rows as memory-mapped arrays."""

    input_ids: NDArray[Any]
    n_tokens: NDArray[np.int32]
    seg_offsets: NDArray[np.int32]
    seg_lengths: NDArray[np.int32]
    seg_starts: NDArray[np.int64]
    seg_doc_ids: NDArray[np.uint8]


class PackedRows:
    """A rows set, whose chunks are opened when a row of their file is first asked for."""

    def __init__(self, folder: Path, expected_hash: str, verify: bool) -> None:
        self._set = ShardSet(folder, "rows", verify=verify)
        if self._set.manifest.hash != expected_hash:
            raise MixError(f"{folder}: these packed rows are not those of the plan beside them; rerun `mix build`")
        self._file_starts = np.cumsum([0] + [file.n_rows for file in self._set.manifest.files])
        self._chunks: dict[int, tuple[NDArray[np.int64], list[Chunk]]] = {}

    def locate(self, rows: NDArray[np.int64]) -> Iterator[tuple[Chunk, NDArray[np.int64], NDArray[np.int64]]]:
        """By chunk: the chunk, which of `rows` (n,) lie in it, and where."""
        files = np.searchsorted(self._file_starts, rows, side="right") - 1
        for file in np.unique(files):
            in_file = np.flatnonzero(files == file)
            starts, chunks = self._open(int(file))
            local = rows[in_file] - self._file_starts[file]
            numbers = np.searchsorted(starts, local, side="right") - 1
            for number in np.unique(numbers):
                part = np.flatnonzero(numbers == number)
                yield chunks[number], in_file[part], local[part] - starts[number]

    def n_tokens(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) int64: real tokens of `rows` (n,)."""
        tokens = np.empty(len(rows), np.int64)
        for chunk, part, local in self.locate(rows):
            tokens[part] = chunk.n_tokens[local]
        return tokens

    def _open(self, file: int) -> tuple[NDArray[np.int64], list[Chunk]]:
        if file not in self._chunks:
            batches = self._set.table(file).to_batches()
            self._chunks[file] = np.cumsum([0] + [batch.num_rows for batch in batches]), [_chunk(batch) for batch in batches]
        return self._chunks[file]


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
