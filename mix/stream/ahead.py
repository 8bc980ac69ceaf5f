"""Work done before it is needed: rows gathered in a thread, remote files fetched in the order in which rows need them."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import TypeVar

import numpy as np

from mix.order import rows_at
from mix.plan import Plan
from mix.stream.packed import PackedRows
from shards.threads import Threads, given_up

T = TypeVar("T")

LOOK_ROWS = 1 << 14
"""Rows examined ahead of the reader. A source's order is a permutation, so these rows lie in most of its files."""
FETCHERS = 8
_CLOSING_SECONDS = 1.0


def prepared_ahead(make: Callable[[int], T], numbers: Iterable[int], depth: int = 1) -> Iterator[T]:
    """`make(number)` for each number in order, `depth` ahead of the consumer, in one thread.

    An exception of `make` is raised where its result is requested. Closing the iterator ends the thread; a call in progress is given up, and
    awaited for at most a second.
    """
    pool = Threads(1, "prepared_ahead")
    waiting: deque[Future[T]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(make, number))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.close(_CLOSING_SECONDS)


class FetchAhead:
    """Fetches the files of coming rows in threads, in order of need. An error is raised when the reader requests the file itself.

    If the cache is bounded, at most half of it is fetched ahead, so that coming files do not push out the files needed now.
    """

    def __init__(self, plan: Plan, sources: Sequence[PackedRows], max_bytes: int | None) -> None:
        self._plan, self._sources = plan, sources
        self._room = None if max_bytes is None else max_bytes // 2
        self._looked_at = range(0)
        self._pool: Threads | None = None
        self._process = -1

    def close(self) -> None:
        """Stop fetching until the next `look`. Files in progress are given up."""
        pool, self._pool, self._looked_at = self._pool, None, range(0)
        if pool is not None and self._process == os.getpid():
            pool.close()

    def look(self, row: int) -> None:
        """Start fetching the files of the rows from `row` on, unless that has begun."""
        if given_up().is_set():
            return
        if (row in self._looked_at and row + LOOK_ROWS // 2 < self._looked_at.stop) or row >= self._plan.n_rows:
            return
        first = self._looked_at.stop if row in self._looked_at else row
        stop = min(row + LOOK_ROWS, self._plan.n_rows)
        self._looked_at = range(row, stop)
        pool = self._pool
        if pool is None or self._process != os.getpid():  # a forked process has no copies of these threads
            pool = self._pool = Threads(FETCHERS, "fetch_ahead")
            self._process = os.getpid()
        for source, file in self._needed(first, stop):
            pool.submit(self._sources[source].fetch, file)

    def _needed(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Source and file of rows `[start, stop)`, each pair once, in order of need, while there is room for them."""
        refs = rows_at(self._plan, start, stop)
        files = np.empty(len(refs.row), np.int64)
        for source in np.unique(refs.source):
            rows = refs.source == source
            files[rows] = self._sources[source].files_of(refs.row[rows])
        pairs, firsts = np.unique(np.stack([refs.source, files], axis=1), axis=0, return_index=True)
        n_bytes = 0
        for source, file in pairs[np.argsort(firsts)].tolist():
            n_bytes += self._sources[source].files[file].n_bytes
            if self._room is not None and n_bytes > self._room:
                return
            yield source, file
