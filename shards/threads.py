"""Threads whose work can be given up: once nobody wants it, what waits is dropped, and what is under way is not waited for."""

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
    """Work that nobody wants any more was left in the middle."""


def given_up() -> threading.Event:
    """Set once the work of this thread is not wanted any more; outside of such threads never. Sleep by waiting for it."""
    return getattr(_here, "given_up", _never)


class Threads:
    """`n` threads that call functions in the order in which they come.

    They end with `close`, or when this object is let go. Unlike those of concurrent.futures they do not keep the interpreter from ending.
    """

    def __init__(self, n: int, name: str) -> None:
        self._queue: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._given_up = threading.Event()
        self._threads = [threading.Thread(target=_work, args=(self._queue, self._given_up), daemon=True, name=f"{name}_{index}") for index in range(n)]
        for thread in self._threads:
            thread.start()
        _open_pools.add(self)

    def submit(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Call `function(*arguments)` when its turn comes; never after `close`."""
        future: Future[T] = Future()
        if self._given_up.is_set():
            future.cancel()
        else:
            self._queue.put((future, function, arguments))
        return future

    def close(self, seconds: float = 0.0) -> None:
        """Drop what waits and tell what is under way that it is not wanted; wait for it no longer than `seconds`."""
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
        del item, future, function, arguments  # not kept while this thread waits for the next


_open_pools: "weakref.WeakSet[Threads]" = weakref.WeakSet()


def _close_all() -> None:
    """Before the interpreter goes, and what libraries registered to be done then: threads that still ran would meet what was torn down."""
    pools = list(_open_pools)
    for pool in pools:
        pool.close()
    deadline = time.monotonic() + _EXIT_SECONDS
    for pool in pools:
        pool.close(max(0.0, deadline - time.monotonic()))


threading._register_atexit(_close_all)  # type: ignore[attr-defined]  # as concurrent.futures does; `atexit` would be too late
