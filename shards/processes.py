"""Worker processes: how they start, and that none outlives the command that started it.

With modules to preload, workers are forked from multiprocessing's fork server, a process of its own that has loaded them once. So no thread or lock
of the command is forked. The server keeps the environment it started with, and ends once the command and its workers have ended.
"""

import atexit
import ctypes
import fcntl
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, resource_tracker
from multiprocessing.context import BaseContext

from shards.printable import log_printably
from shards.scratch import Scratch

_WARNINGS = "PYTHONWARNINGS"
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
_scratch: Scratch | None = None
"""Folder of the fork server's socket. multiprocessing's default folder has a name that does not identify its owner."""


def process_context(preload: Sequence[str]) -> BaseContext:
    """How to start workers. With `preload`, modules that the fork server imports, the server starts now, in the background, unless one is running.

    These modules must not start threads that they need later, because threads are not forked. Without modules, or where processes can't be forked
    (Windows), each worker is spawned.
    """
    if not preload or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing.forkserver import ensure_running

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["shards.fork_server", *preload])
    _settle_in_scratch()
    with interrupts_blocked():
        ensure_running()
    return context


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Processes started inside never receive a Ctrl-C, not even while Python starts in them; the command receives it, and ends them.

    A Ctrl-C during the block reaches this process at the end of the block.
    """
    _start_tracker()  # starting it inside would unblock the signal in this thread
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_worker() -> None:
    """Initialise a worker: leave Ctrl-C to the command, end when the command ends, and log warnings as the command does."""
    log_printably(logging.WARNING)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        end_with(parent.sentinel)


def end_with(sentinel: int) -> None:
    """End this process at once when the other end of the pipe `sentinel`, which carries no data, is closed: when the process that holds it has
    ended.

    On Linux the system does it, by SIGIO, even during a library call that blocks all other Python threads; elsewhere a thread does.
    """
    if sys.platform == "linux":
        fcntl.fcntl(sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(sentinel, fcntl.F_SETFL, fcntl.fcntl(sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_wait_for, args=(sentinel,), daemon=True, name="parent_watch").start()


def end_children() -> None:
    """Kill all workers of this process, and delete what it keeps outside its output folder. Call it just before this process ends."""
    for child in multiprocessing.active_children():
        with suppress(OSError, ValueError):
            child.kill()
    if _scratch is not None:
        _scratch.close()


def killed_with_parent(parent: int | None = None) -> None:
    """On Linux, kill this process when the thread that started it ends. `partial(killed_with_parent, os.getpid())` as `preexec_fn` does so for an
    external program, even if its parent, which the pid names, ended before this call."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent is not None and os.getppid() != parent:
            os._exit(1)


def _start_tracker() -> None:
    """Start multiprocessing's resource tracker, which deletes the semaphores of a killed command, without its warning on the terminal."""
    before = os.environ.get(_WARNINGS)
    os.environ[_WARNINGS] = ",".join(filter(None, [before, "ignore::UserWarning:multiprocessing.resource_tracker"]))
    try:
        resource_tracker.ensure_running()
    finally:
        if before is None:
            del os.environ[_WARNINGS]
        else:
            os.environ[_WARNINGS] = before


def _wait_for(sentinel: int) -> None:
    connection.wait([sentinel])
    os.kill(os.getpid(), signal.SIGKILL)


def _settle_in_scratch() -> None:
    global _scratch
    if _scratch is None:
        _scratch = Scratch()
        atexit.register(_scratch.close)
        # multiprocessing puts its sockets in this folder, and creates one if there is none.
        multiprocessing.current_process()._config["tempdir"] = str(_scratch.folder)  # type: ignore[attr-defined]
