"""Worker processes: how they start, and that none outlives the command that started it.

With modules to preload, workers are forked from a server that loaded these once: multiprocessing's fork server, a process of its own, so that no
thread or lock of the command is forked along. It keeps the environment of its start, and ends once the command and its workers have.
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
"""Where the fork server's socket lies. By default it would lie in a folder of a name that tells nobody whose it is."""


def process_context(preload: Sequence[str]) -> BaseContext:
    """How to start workers. With `preload`, modules that the server imports, the server starts now, in the background, if none runs yet.

    What these modules load must not start threads that they need later, for no thread is forked. Without modules, or where processes
    can't be forked (Windows), each worker starts from nothing.
    """
    if not preload or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing.forkserver import ensure_running

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["shards.fork_server", *preload])
    _settle_in_scratch()
    with deaf_to_interrupts():
        ensure_running()
    return context


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started inside never hear a Ctrl-C, not even while Python starts in them: the command hears it, and ends them.

    In this process one that comes inside is heard at the end of the block.
    """
    _start_tracker()  # starting it inside would make this thread hear again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_worker() -> None:
    """What each worker does first: leave Ctrl-C to the command, watch that the command lives, and log as it does, but warnings only."""
    log_printably(logging.WARNING)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        end_with(parent.sentinel)


def end_with(sentinel: int) -> None:
    """End this process at once when the other end of the pipe `sentinel`, on which nothing ever comes, is closed: when whoever holds it has ended.

    On Linux the system does it, by SIGIO, even in the middle of a library's work that lets no other thread of Python run; elsewhere a thread.
    """
    if sys.platform == "linux":
        fcntl.fcntl(sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(sentinel, fcntl.F_SETFL, fcntl.fcntl(sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=_wait_for, args=(sentinel,), daemon=True, name="parent_watch").start()


def end_children() -> None:
    """Kill all workers of this process, and delete what it keeps outside of its output folder. For the moment before its own end."""
    for child in multiprocessing.active_children():
        with suppress(OSError, ValueError):
            child.kill()
    if _scratch is not None:
        _scratch.close()


def killed_with_parent() -> None:
    """On Linux this process is from now on killed when the thread that started it ends. As `preexec_fn` it does so for a program that is not ours."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _start_tracker() -> None:
    """Start multiprocessing's keeper of semaphores, which deletes those of a command that was ended, and is not to count them on the terminal."""
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
        # multiprocessing looks up here where to put its sockets, and makes a folder if there is nothing.
        multiprocessing.current_process()._config["tempdir"] = str(_scratch.folder)  # type: ignore[attr-defined]
