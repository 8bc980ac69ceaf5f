"""A built mix: its rows by their numbers in the run, gathered from memory-mapped files."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mix.errors import MixError
from mix.order import RowRefs, rows_at
from mix.plan import PLAN_NAME, Plan, read_plan
from mix.schedule import RowLength
from mix.stream.ahead import FetchAhead
from mix.stream.batch import Allocate, RowBatch, gather
from mix.stream.packed import OpenFiles, PackedRows
from shards.remote import Cache, Mirror, default_cache, is_url, open_set
from shards.threads import Threads

_NEAR_ROWS = 1 << 8


class Mix:
    """A built mix. Open one with `open_mix`."""

    def __init__(self, location: Path | str, *, verify: bool = True, cache: Cache | None = None) -> None:
        cache = cache or default_cache()
        mirror_or_folder = Mirror(str(location), cache) if is_url(location) else Path(location)
        mix = open_set(mirror_or_folder, "mix", verify=verify)
        info = mix.manifest.info
        self.location, self._cache, self._verify = location, cache, verify
        self.folder: Path = mix.folder
        """The mix's folder, or its mirror in the cache."""
        self.plan: Plan = mirror_or_folder.copy(PLAN_NAME, lambda: read_plan(mix)) if isinstance(mirror_or_folder, Mirror) else read_plan(mix)
        self.plan_hash: str = info["plan_hash"]
        """Names rows and order: two mixes with one hash give the same rows in the same order."""
        self.n_rows: int = self.plan.n_rows
        self.n_tokens: int = self.plan.n_tokens
        """Real tokens of the run."""
        self.row_tokens: int = self.plan.longest_row
        """Tokens of the longest rows; `lengths` has all."""
        self.sources: list[str] = self.plan.source_names
        self.tokenizer_sha256: str = info["tokenizer_sha256"]
        self.n_vocab: int = info["n_vocab"]
        self.eos_id: int | None = info["eos_id"]
        self.pad_id: int = info["pad_id"]
        """Fills rows; never part of a segment."""
        self.dtype: np.dtype[Any] = np.dtype(f"uint{8 * info['id_bytes']}")
        is_remote = isinstance(mirror_or_folder, Mirror)
        self._rows = self._open_rows(mirror_or_folder, info["id_bytes"], verify, cache.max_bytes if is_remote else None)
        self._ahead = FetchAhead(self.plan, self._rows, cache.max_bytes) if is_remote else None
        n_bytes = sum(file.n_bytes for rows in self._rows for file in rows.files)
        if is_remote and cache.max_bytes is not None and cache.max_bytes < n_bytes:
            logging.warning(
                "%s: %s bytes of rows, but the cache may hold %s: files will be fetched repeatedly", location, f"{n_bytes:,}", f"{cache.max_bytes:,}"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        """Processes reopen the mix, however they are started."""
        return _reopen, (self.location, self.plan_hash, self._verify, self._cache)

    def rows(self, start: int, stop: int, rank: int = 0, world: int = 1, empty: Allocate = np.empty) -> RowBatch:
        """`rank`'s rows of the global batch `[start, stop)`: `start + rank`, `start + rank + world`, … Where the batch has rows of several lengths, they
        are padded to the longest, on every rank.

        So the order over all ranks is that of the run, whatever their number. `empty` allocates the array of token ids, e.g. in pinned memory.
        Raises MixError beyond the run's rows.
        """
        if not 0 <= start <= stop <= self.n_rows:
            raise MixError(f"{self.location}: rows {start} to {stop} were requested, but this mix has rows 0 to {self.n_rows}")
        if not 0 <= rank < world:
            raise MixError(f"rank {rank} of {world}: expected a rank from 0 to {world - 1}")
        refs, own = rows_at(self.plan, start, stop), slice(rank, None, world)
        numbers = np.arange(start + rank, stop, world, dtype=np.int64)
        return self._gather(RowRefs(refs.source[own], refs.epoch[own], refs.row[own]), numbers, self._longest(refs), empty)

    def take(self, row_numbers: Sequence[int] | NDArray[np.int64]) -> RowBatch:
        """Rows of any numbers (n,), in the order given; rows close together are looked up at once. Raises MixError beyond the run's rows."""
        numbers = np.asarray(row_numbers, dtype=np.int64).reshape(-1)
        outside = numbers[(numbers < 0) | (numbers >= self.n_rows)]
        if len(outside):
            raise MixError(f"{self.location}: row {outside[0]} was requested, but this mix has rows 0 to {self.n_rows - 1}")
        refs = RowRefs(np.empty(len(numbers), np.int16), np.empty(len(numbers), np.int64), np.empty(len(numbers), np.int64))
        order = np.argsort(numbers, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(numbers[order]) > _NEAR_ROWS) + 1) if len(numbers) else []:
            first = int(numbers[part[0]])
            near = rows_at(self.plan, first, int(numbers[part[-1]]) + 1)
            local = numbers[part] - first
            refs.source[part], refs.epoch[part], refs.row[part] = near.source[local], near.epoch[local], near.row[local]
        return self._gather(refs, numbers, self._longest(refs), np.empty)

    def stream(self, start: int, batch_rows: int, rank: int = 0, world: int = 1) -> Iterator[RowBatch]:
        """`rank`'s part of each global batch of `batch_rows` rows, from row `start` to the run's end.

        Every rank gets the same number of batches; the last may be shorter, or empty for some ranks.
        """
        try:
            for first in range(start, self.n_rows, batch_rows):
                self.fetch_ahead(first)
                yield self.rows(first, min(first + batch_rows, self.n_rows), rank, world)
        finally:
            self.stop_fetching()

    @property
    def lengths(self) -> tuple[RowLength, ...]:
        """The row lengths of the run, each with the first row from which it holds."""
        return self.plan.schedule.lengths

    def fetch_ahead(self, row: int) -> None:
        """Start fetching the remote files that the rows from `row` on need; does nothing for a local mix."""
        if self._ahead is not None:
            self._ahead.look(row)

    def stop_fetching(self) -> None:
        """Give up what `fetch_ahead` began, as every stream does at its end; requested rows are still fetched."""
        if self._ahead is not None:
            self._ahead.close()

    def tokens_before(self, row: int) -> NDArray[np.int64]:
        """(n_sources,) int64: real tokens of each source in rows `[0, row)` of the run."""
        if not 0 <= row <= self.n_rows:
            raise MixError(f"{self.location}: row {row} was requested, but this mix has rows 0 to {self.n_rows}")
        given = np.zeros(len(self.sources), np.int64)
        np.add.at(given, self.plan.source_numbers, self.plan.schedule.state(row).given)
        return given

    def _longest(self, refs: RowRefs) -> int:
        """Tokens of the longest of some rows; of the whole run's if there are none."""
        return max((self.plan.sources[source].row_tokens for source in np.unique(refs.source)), default=self.row_tokens)

    def _gather(self, refs: RowRefs, numbers: NDArray[np.int64], row_tokens: int, empty: Allocate) -> RowBatch:
        rows = gather(self._rows, refs, numbers, row_tokens, self.pad_id, self.dtype, empty)
        return rows._replace(seg_sources=self.plan.source_numbers[rows.seg_sources])

    def _open_rows(self, location: Path | Mirror, id_bytes: int, verify: bool, max_bytes: int | None) -> list[PackedRows]:
        """All sources in parallel, because each costs a remote mix a round trip."""
        open_files = OpenFiles(max_bytes)
        pool, plan = Threads(8, "open_rows"), self.plan
        try:
            folders = [(location / outer / inner, source) for source in plan.sources for outer, inner in [plan.rows_folder(source)]]
            opening = [pool.submit(PackedRows, folder, source, id_bytes, open_files, verify) for folder, source in folders]
            return [opened.result() for opened in opening]
        finally:
            pool.close()


def open_mix(location: Path | str, plan_hash: str | None = None, *, verify: bool = True, cache: Cache | None = None) -> Mix:
    """Open a mix for reading, in a folder or behind a URL that fsspec reads (s3://, gs://, https://, file://).

    Each file's checksum is verified when it is first read (`verify=False`: only sizes), or for remote files when they arrive in `cache` (None:
    `shards.remote.default_cache()`). `plan_hash` is that of the run to resume, if any. Raises MixError if the plan has another hash, or if the
    packed rows are not the plan's, and ShardError for missing or damaged files.
    """
    mix = Mix(location, verify=verify, cache=cache)
    if plan_hash not in (None, mix.plan_hash):
        raise MixError(
            f"{location}: this mix has plan {mix.plan_hash}, the run to resume was started on plan {plan_hash}; "
            "rebuild the mix from the recipe and sources of that run, or start a new run"
        )
    return mix


def _reopen(location: Path | str, plan_hash: str, verify: bool, cache: Cache | None) -> Mix:
    return open_mix(location, plan_hash, verify=verify, cache=cache)
