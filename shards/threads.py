"""Threads whose work can be cancelled: once nobody needs it, queued work is dropped, and running work is not awaited."""

import queue
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from shards.errors import ShardError

T = TypeVar("T")

_EXIT_SECONDS = 1.0
_here = threading.local()
_never = threading.Event()


class GivenUp(ShardError):
    """Work was cancelled while running, because nobody needs its result."""


def given_up() -> threading.Event:
    """Event that is set once this thread's work is cancelled; never set outside such threads. Use its `wait` to sleep."""
    return getattr(_here, "given_up", _never)


class Threads:
    """`n` threads that call functions in the order of submission.

    They end with `close`, or when this object is deleted. Unlike those of concurrent.futures they do not keep the interpreter running.
    """

    def __init__(self, n: int, name: str) -> None:
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._given_up = threading.Event()
        self._threads = [threading.Thread(target=_work, args=(self._queue, self._given_up), daemon=True, name=f"{name}_{index}") for index in range(n)]
        for thread in self._threads:
            thread.start()
        _open_pools.add(self)

    def submit(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Call `function(*arguments)` when its turn comes; after `close`, never."""
        future: Future[T] = Future()
        if self._given_up.is_set():
            future.cancel()
        else:
            self._queue.put((future, function, arguments))
        return future

    def close(self, seconds: float = 0.0) -> None:
        """Drop queued work and cancel running work; wait for it at most `seconds`."""
        self._given_up.set()
        for _ in self._threads:
            self._queue.put(None)
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def __del__(self) -> None:
        self._given_up.set()
        for _ in self._threads:
            self._queue.put(None)


def _work(waiting: "queue.SimpleQueue[Any]", stop: threading.Event) -> None:
    _here.given_up = stop
    while (item := waiting.get()) is not None and not stop.is_set():
        future, function, arguments = item
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        del item, future, function, arguments  # release them while this thread waits for the next item


_open_pools: "weakref.WeakSet[Threads]" = weakref.WeakSet()


def _close_all() -> None:
    """Runs before the interpreter and its libraries shut down, because running threads would use what was torn down."""
    pools = list(_open_pools)
    for pool in pools:
        pool.close()
    deadline = time.monotonic() + _EXIT_SECONDS
    for pool in pools:
        pool.close(max(0.0, deadline - time.monotonic()))


threading._register_atexit(_close_all)  # type: ignore[attr-defined]  # as concurrent.futures does; `atexit` would be too late
