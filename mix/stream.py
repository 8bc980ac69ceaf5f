"""Reading a mix: any rows of the run, for any rank of any world, from one integer.

Needs numpy and pyarrow only. Rows are gathered from memory-mapped files; nothing is read ahead and nothing is remembered, so the
whole state of a reader is the number of the next row, together with the plan's hash.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mix.errors import MixError
from mix.order import RowRefs, rows_at
from mix.plan import BLOCK_ROWS, Plan, read_plan
from shards.read import ShardSet


class RowBatch(NamedTuple):
    """Rows of the run. Segments are pieces of documents in the order in which they lie in their row; those of row `i` are
    `seg_offsets[i]:seg_offsets[i + 1]`, and their lengths sum to `n_tokens[i]`. What follows them in the row is padding."""

    input_ids: NDArray[Any]
    """(n, row_tokens) uint16 or uint32: token ids"""
    row_numbers: NDArray[np.int64]
    """(n,) int64: numbers of the rows in the run"""
    n_tokens: NDArray[np.int32]
    """(n,) int32: real (non-pad) tokens"""
    seg_offsets: NDArray[np.int64]
    """(n + 1,) int64"""
    seg_lengths: NDArray[np.int32]
    """(n_segments,) int32: tokens"""
    seg_sources: NDArray[np.int16]
    """(n_segments,) int16: numbers into `Mix.sources`"""
    seg_doc_ids: NDArray[np.uint8]
    """(n_segments, 16) uint8: xxh3-128 of the document's text"""
    seg_starts: NDArray[np.int64]
    """(n_segments,) int64: the segment's first token inside its document"""


class Mix:
    """A built mix. Make one with `open_mix`."""

    def __init__(self, folder: Path, *, verify: bool = True) -> None:
        mix = ShardSet(folder, "mix", verify=verify)
        info = mix.manifest.info
        self.folder = Path(folder)
        self.plan: Plan = read_plan(mix)
        self.plan_hash: str = info["plan_hash"]
        """Names rows and order: two mixes of one hash give the same rows in the same order."""
        self.n_rows: int = self.plan.n_rows
        self.n_tokens: int = self.plan.n_tokens
        """Real tokens of the run."""
        self.row_tokens: int = self.plan.row_tokens
        self.sources: list[str] = [source.name for source in self.plan.sources]
        self.tokenizer_sha256: str = info["tokenizer_sha256"]
        self.n_vocab: int = info["n_vocab"]
        self.eos_id: int | None = info["eos_id"]
        self.pad_id: int = info["pad_id"]
        """Fills rows; never part of a segment."""
        self.dtype: np.dtype[Any] = np.dtype(f"uint{8 * info['id_bytes']}")
        self._rows = [_PackedRows(self.folder / "rows" / source.name, source.rows_hash, verify) for source in self.plan.sources]

    def rows(self, start: int, stop: int, rank: int = 0, world: int = 1) -> RowBatch:
        """Rows of the global batch `[start, stop)` that fall to `rank` of `world`: `start + rank`, `start + rank + world`, …

        So the order over all ranks is that of the run, whatever their number. Raises MixError beyond the run's rows.
        """
        if not 0 <= start <= stop <= self.n_rows:
            raise MixError(f"{self.folder}: rows {start} to {stop} were asked for, but this mix has rows 0 to {self.n_rows}")
        if not 0 <= rank < world:
            raise MixError(f"rank {rank} of {world}: ranks go from 0 to the number of ranks less one")
        refs, mine = rows_at(self.plan, start, stop), slice(rank, None, world)
        return self._gather(RowRefs(refs.source[mine], refs.epoch[mine], refs.row[mine]), np.arange(start + rank, stop, world, dtype=np.int64))

    def stream(self, start: int, batch_rows: int, rank: int = 0, world: int = 1) -> Iterator[RowBatch]:
        """`rank`'s part of each global batch of `batch_rows` rows, from row `start` to the run's end.

        Every rank gets equally many batches; the last may be shorter, or empty for some ranks.
        """
        for first in range(start, self.n_rows, batch_rows):
            yield self.rows(first, min(first + batch_rows, self.n_rows), rank, world)

    def tokens_before(self, row: int) -> NDArray[np.int64]:
        """(n_sources,) int64: real tokens given by each source in rows `[0, row)` of the run."""
        if not 0 <= row <= self.n_rows:
            raise MixError(f"{self.folder}: row {row} was asked for, but this mix has rows 0 to {self.n_rows}")
        if row == 0:
            return np.zeros(len(self.sources), np.int64)
        block = (row - 1) // BLOCK_ROWS
        refs = rows_at(self.plan, block * BLOCK_ROWS, row)
        tokens = self.plan.blocks.column("tokens_before")[block].values.to_numpy().copy()
        for source in np.unique(refs.source):
            tokens[source] += self._rows[source].n_tokens(refs.row[refs.source == source]).sum()
        return tokens

    def _gather(self, refs: RowRefs, row_numbers: NDArray[np.int64]) -> RowBatch:
        """Look the rows up, one run of rows in one Arrow chunk at a time."""
        input_ids = np.empty((len(refs.row), self.row_tokens), self.dtype)
        n_tokens = np.empty(len(refs.row), np.int32)
        n_segments = np.empty(len(refs.row), np.int64)
        found: list[tuple[_Chunk, NDArray[np.int64], NDArray[np.int64]]] = []
        for source in np.unique(refs.source):
            where = np.flatnonzero(refs.source == source)
            for chunk, part, local in self._rows[source].locate(refs.row[where]):
                places = where[part]
                input_ids[places], n_tokens[places] = chunk.input_ids[local], chunk.n_tokens[local]
                n_segments[places] = chunk.seg_offsets[local + 1] - chunk.seg_offsets[local]
                found.append((chunk, places, local))
        seg_offsets = np.concatenate([[0], np.cumsum(n_segments)])
        total = int(seg_offsets[-1])
        lengths, starts, doc_ids = np.empty(total, np.int32), np.empty(total, np.int64), np.empty((total, 16), np.uint8)
        for chunk, places, local in found:
            inner = _ranges(n_segments[places])
            target = np.repeat(seg_offsets[places], n_segments[places]) + inner
            origin = np.repeat(chunk.seg_offsets[local], n_segments[places]) + inner
            lengths[target], starts[target], doc_ids[target] = chunk.seg_lengths[origin], chunk.seg_starts[origin], chunk.seg_doc_ids[origin]
        return RowBatch(input_ids, row_numbers, n_tokens, seg_offsets, lengths, np.repeat(refs.source, n_segments), doc_ids, starts)


def open_mix(folder: Path, plan_hash: str | None = None, *, verify: bool = True) -> Mix:
    """Open a mix for reading; each file's checksum is verified when it is first read (`verify=False`: only sizes).

    `plan_hash` is that of the run to be resumed, if any. Raises MixError if the plan is another one, or if packed rows are not
    those that it was made for, and ShardError for missing or damaged files.
    """
    mix = Mix(Path(folder), verify=verify)
    if plan_hash not in (None, mix.plan_hash):
        raise MixError(
            f"{folder}: this mix has plan {mix.plan_hash}, the run to resume was started on plan {plan_hash}; "
            "rebuild the mix from the recipe and sources of that run, or start a new run"
        )
    return mix


class _Chunk(NamedTuple):
    """One record batch of packed rows as memory-mapped arrays."""

    input_ids: NDArray[Any]
    n_tokens: NDArray[np.int32]
    seg_offsets: NDArray[np.int32]
    seg_lengths: NDArray[np.int32]
    seg_starts: NDArray[np.int64]
    seg_doc_ids: NDArray[np.uint8]


class _PackedRows:
    """A rows set, whose chunks are opened when a row of their file is first asked for."""

    def __init__(self, folder: Path, expected_hash: str, verify: bool) -> None:
        self._set = ShardSet(folder, "rows", verify=verify)
        if self._set.manifest.hash != expected_hash:
            raise MixError(f"{folder}: these packed rows are not those of the plan beside them; rerun `mix build`")
        self._file_starts = np.cumsum([0] + [file.n_rows for file in self._set.manifest.files])
        self._chunks: dict[int, tuple[NDArray[np.int64], list[_Chunk]]] = {}

    def locate(self, rows: NDArray[np.int64]) -> Iterator[tuple[_Chunk, NDArray[np.int64], NDArray[np.int64]]]:
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

    def _open(self, file: int) -> tuple[NDArray[np.int64], list[_Chunk]]:
        if file not in self._chunks:
            batches = self._set.table(file).to_batches()
            self._chunks[file] = np.cumsum([0] + [batch.num_rows for batch in batches]), [_chunk(batch) for batch in batches]
        return self._chunks[file]


def _chunk(batch: pa.RecordBatch) -> _Chunk:
    ids, lengths = batch.column("input_ids"), batch.column("doc_lengths")
    doc_ids = np.frombuffer(batch.column("doc_ids").values.buffers()[1], np.uint8).reshape(-1, 16)
    return _Chunk(
        ids.values.to_numpy().reshape(-1, ids.type.list_size),
        batch.column("n_tokens").to_numpy(),
        lengths.offsets.to_numpy(),
        lengths.values.to_numpy(),
        batch.column("doc_starts").values.to_numpy(),
        doc_ids,
    )


def _ranges(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 … counts[0]-1, 0 … counts[1]-1, …"""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
