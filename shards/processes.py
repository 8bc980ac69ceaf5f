"""Worker processes that begin with everything loaded: forked from a server that loaded it once, not started from nothing each.

The server is multiprocessing's fork server: a process of its own, so that no thread or lock of the command is forked along. It keeps the
environment of its start, and ends with the process that started it.
"""

import multiprocessing
from collections.abc import Sequence
from multiprocessing.context import BaseContext


def process_context(preload: Sequence[str]) -> BaseContext:
    """How to start workers. With `preload`, modules that the server imports, the server starts now, in the background, if none runs yet.

    What these modules load must not start threads that they need later, for no thread is forked. Without modules, or where processes
    can't be forked (Windows), each worker starts from nothing.
    """
    if not preload or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing.forkserver import ensure_running

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    ensure_running()
    return context
