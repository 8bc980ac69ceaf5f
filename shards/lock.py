"""One writer per folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shards.errors import ShardError


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold `folder`, which is made if need be, for this process. Raises ShardError at once if another process holds it.

    The system releases the lock when the process ends, however it ends; the file `.lock` stays and means nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ShardError(f"{folder}: another run is writing here; wait until it ends, or choose another output folder") from None
        yield
