"""Scratch folders in the system's folder for temporary files, and the deletion of those that killed runs left."""

import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path

_SCRATCH = "cptkit-scratch-"
_SCRATCH_NAME = re.compile(rf"{_SCRATCH}[a-z0-9_]{{8}}")
_MOST_SOCKET_BYTES = 80
"""Upper limit of the path of a folder for sockets: the system allows 107 bytes for a socket's path."""


class Scratch:
    """A folder of this process among the system's temporary files. Opening and closing it deletes the folders of processes that ended without
    tidying up.

    Its path is short enough for sockets: if TMPDIR is too long, the folder lies in /tmp.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        parent = Path(tempfile.gettempdir())
        if len(os.fsencode(parent / _SCRATCH)) > _MOST_SOCKET_BYTES:
            parent = Path("/tmp")
        _sweep_all(parent)
        while True:
            self.folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=parent))
            self._handle = os.open(self.folder, os.O_RDONLY)
            if _try_lock(self._handle) and self.folder.exists():  # otherwise another process deleted it before it was locked
                break
            os.close(self._handle)

    def close(self) -> None:
        """Delete the folder, unless this process is a fork of the one that it belongs to."""
        if self._handle >= 0 and os.getpid() == self._pid:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._handle)
            self._handle = -1
            _sweep_all(self.folder.parent)  # folders of processes that were still ending when this one began


def _sweep_all(parent: Path) -> None:
    for path in parent.glob(f"{_SCRATCH}*"):
        if _SCRATCH_NAME.fullmatch(path.name):
            _sweep(path)


def _sweep(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError:  # another user's, or already deleted
        return
    try:
        if os.fstat(handle).st_uid == os.getuid() and _try_lock(handle):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    """Lock a folder, which its process holds until it ends, on any machine; False if another process holds it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
