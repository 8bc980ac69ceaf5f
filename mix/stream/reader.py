"""A built mix: its rows by their numbers in the run, gathered from memory-mapped files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.order import RowRefs, rows_at
from mix.plan import BLOCK_ROWS, Plan, read_plan
from mix.stream.batch import RowBatch
from mix.stream.packed import Chunk, PackedRows
from shards.read import ShardSet


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
        self._rows = [PackedRows(self.folder / "rows" / source.name, source.rows_hash, verify) for source in self.plan.sources]

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
        found: list[tuple[Chunk, NDArray[np.int64], NDArray[np.int64]]] = []
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


def _ranges(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 … counts[0]-1, 0 … counts[1]-1, …"""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
