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
from mix.stream.ahead import FetchAhead
from mix.stream.batch import Allocate, RowBatch, gather
from mix.stream.packed import OpenFiles, PackedRows
from shards.remote import Cache, Mirror, default_cache, is_url, open_set
from shards.threads import Threads

_NEAR_ROWS = 1 << 8


class Mix:
    """A built mix. Make one with `open_mix`."""

    def __init__(self, place: Path | str, *, verify: bool = True, cache: Cache | None = None) -> None:
        cache = cache or default_cache()
        where = Mirror(str(place), cache) if is_url(place) else Path(place)
        mix = open_set(where, "mix", verify=verify)
        info = mix.manifest.info
        self.place, self._cache, self._verify = place, cache, verify
        self.folder: Path = mix.folder
        """The mix, or its copy in the cache."""
        self.plan: Plan = where.copy(PLAN_NAME, lambda: read_plan(mix)) if isinstance(where, Mirror) else read_plan(mix)
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
        is_remote = isinstance(where, Mirror)
        self._rows = self._open_rows(where, info["id_bytes"], verify, cache.max_bytes if is_remote else None)
        self._ahead = FetchAhead(self.plan, self._rows, cache.max_bytes) if is_remote else None
        n_bytes = sum(file.n_bytes for rows in self._rows for file in rows.files)
        if is_remote and cache.max_bytes is not None and cache.max_bytes < n_bytes:
            logging.warning("%s: %s bytes of rows, the cache may hold %s: files will be fetched again and again", place, f"{n_bytes:,}", f"{cache.max_bytes:,}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Processes open the mix anew, whatever the way in which they are started."""
        return _reopen, (self.place, self.plan_hash, self._verify, self._cache)

    def rows(self, start: int, stop: int, rank: int = 0, world: int = 1, empty: Allocate = np.empty) -> RowBatch:
        """Rows of the global batch `[start, stop)` that fall to `rank` of `world`: `start + rank`, `start + rank + world`, …

        So the order over all ranks is that of the run, whatever their number. `empty` makes the array of token ids, e.g. in pinned memory.
        Raises MixError beyond the run's rows.
        """
        if not 0 <= start <= stop <= self.n_rows:
            raise MixError(f"{self.place}: rows {start} to {stop} were asked for, but this mix has rows 0 to {self.n_rows}")
        if not 0 <= rank < world:
            raise MixError(f"rank {rank} of {world}: ranks go from 0 to the number of ranks less one")
        refs, mine = rows_at(self.plan, start, stop), slice(rank, None, world)
        numbers = np.arange(start + rank, stop, world, dtype=np.int64)
        return self._gather(RowRefs(refs.source[mine], refs.epoch[mine], refs.row[mine]), numbers, empty)

    def take(self, row_numbers: Sequence[int] | NDArray[np.int64]) -> RowBatch:
        """Rows of any numbers (n,), in the order given; near ones are looked up together. Raises MixError beyond the run's rows."""
        numbers = np.asarray(row_numbers, dtype=np.int64).reshape(-1)
        outside = numbers[(numbers < 0) | (numbers >= self.n_rows)]
        if len(outside):
            raise MixError(f"{self.place}: row {outside[0]} was asked for, but this mix has rows 0 to {self.n_rows - 1}")
        refs = RowRefs(np.empty(len(numbers), np.int16), np.empty(len(numbers), np.int64), np.empty(len(numbers), np.int64))
        order = np.argsort(numbers, kind="stable")
        for part in np.split(order, np.flatnonzero(np.diff(numbers[order]) > _NEAR_ROWS) + 1) if len(numbers) else []:
            first = int(numbers[part[0]])
            near = rows_at(self.plan, first, int(numbers[part[-1]]) + 1)
            local = numbers[part] - first
            refs.source[part], refs.epoch[part], refs.row[part] = near.source[local], near.epoch[local], near.row[local]
        return self._gather(refs, numbers, np.empty)

    def stream(self, start: int, batch_rows: int, rank: int = 0, world: int = 1) -> Iterator[RowBatch]:
        """`rank`'s part of each global batch of `batch_rows` rows, from row `start` to the run's end.

        Every rank gets equally many batches; the last may be shorter, or empty for some ranks.
        """
        try:
            for first in range(start, self.n_rows, batch_rows):
                self.fetch_ahead(first)
                yield self.rows(first, min(first + batch_rows, self.n_rows), rank, world)
        finally:
            self.stop_fetching()

    def fetch_ahead(self, row: int) -> None:
        """Begin to fetch the remote files that the rows from `row` on need; a mix in a folder of this machine has none."""
        if self._ahead is not None:
            self._ahead.look(row)

    def stop_fetching(self) -> None:
        """Give up what `fetch_ahead` began, and does at the end of every stream; rows that are asked for are fetched as ever."""
        if self._ahead is not None:
            self._ahead.close()

    def tokens_before(self, row: int) -> NDArray[np.int64]:
        """(n_sources,) int64: real tokens given by each source in rows `[0, row)` of the run."""
        if not 0 <= row <= self.n_rows:
            raise MixError(f"{self.place}: row {row} was asked for, but this mix has rows 0 to {self.n_rows}")
        return self.plan.schedule.state(row).given.copy()

    def _gather(self, refs: RowRefs, numbers: NDArray[np.int64], empty: Allocate) -> RowBatch:
        return gather(self._rows, refs, numbers, self.row_tokens, self.dtype, empty)

    def _open_rows(self, where: Path | Mirror, id_bytes: int, verify: bool, max_bytes: int | None) -> list[PackedRows]:
        """All sources at once, since each costs a remote mix a journey."""
        open_files = OpenFiles(max_bytes)
        pool, row_tokens = Threads(8, "open_rows"), self.plan.row_tokens
        try:
            sources = self.plan.sources
            opening = [pool.submit(PackedRows, where / "rows" / one.name, one, row_tokens, id_bytes, open_files, verify) for one in sources]
            return [opened.result() for opened in opening]
        finally:
            pool.close()


def open_mix(place: Path | str, plan_hash: str | None = None, *, verify: bool = True, cache: Cache | None = None) -> Mix:
    """Open a mix in a folder, or behind a URL that fsspec reads (s3://, gs://, https://, file://), for reading.

    Each file's checksum is verified when it is first read (`verify=False`: only sizes); remote files, when they arrive in `cache`
    (None: `shards.remote.default_cache()`). `plan_hash` is that of the run to be resumed, if any. Raises MixError if the plan is another
    one, or if packed rows are not those that it was made for, and ShardError for missing or damaged files.
    """
    mix = Mix(place, verify=verify, cache=cache)
    if plan_hash not in (None, mix.plan_hash):
        raise MixError(
            f"{place}: this mix has plan {mix.plan_hash}, the run to resume was started on plan {plan_hash}; "
            "rebuild the mix from the recipe and sources of that run, or start a new run"
        )
    return mix


def _reopen(place: Path | str, plan_hash: str, verify: bool, cache: Cache | None) -> Mix:
    return open_mix(place, plan_hash, verify=verify, cache=cache)
