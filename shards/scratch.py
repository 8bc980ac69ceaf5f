"""Scratch folders in the system's place for temporary files, and what killed runs left of them."""

import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path

_SCRATCH = "cptkit-scratch-"
_SCRATCH_NAME = re.compile(rf"{_SCRATCH}[a-z0-9_]{{8}}")
_MOST_SOCKET_BYTES = 80
"""Of a folder that a socket is to lie in: the system takes 107 bytes of path."""


class Scratch:
    """A folder of this process in the system's place for temporary files; those whose processes ended without tidying up are deleted at first and last.

    Its path is short enough for sockets: where TMPDIR is too long, it lies in /tmp.
    """

    def __init__(self) -> None:
        place = Path(tempfile.gettempdir())
        if len(os.fsencode(place / _SCRATCH)) > _MOST_SOCKET_BYTES:
            place = Path("/tmp")
        _sweep_all(place)
        while True:
            self.folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=place))
            self._handle = os.open(self.folder, os.O_RDONLY)
            if _taken(self._handle) and self.folder.exists():  # or else somebody swept it before it was locked
                break
            os.close(self._handle)

    def close(self) -> None:
        """Delete it."""
        if self._handle >= 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._handle)
            self._handle = -1
            _sweep_all(self.folder.parent)  # of processes that were still ending when this one began


def _sweep_all(place: Path) -> None:
    for path in place.glob(f"{_SCRATCH}*"):
        if _SCRATCH_NAME.fullmatch(path.name):
            _sweep(path)


def _sweep(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError:  # somebody else's, or gone
        return
    try:
        if os.fstat(handle).st_uid == os.getuid() and _taken(handle):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    """Lock a folder, which its process holds while it lives, on whatever machine; False if another one does."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
