"""One writer per folder, whatever the command, and who it is.

The lock is the system's (flock) on `.cptkit.lock` in the folder, so it ends with its process in every case. The file says who holds it, for the
error message of other processes, and is deleted when the lock is released.
"""

import errno
import fcntl
import json
import logging
import os
import re
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from shards.errors import ShardError

LOCK_NAME = ".cptkit.lock"
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_MOST_COMMAND = 200
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+:)/")
"""`s3://bucket/x`, of which a Path keeps one slash."""


class HeldError(ShardError):
    """A folder that another process is writing into."""


@contextmanager
def folder_lock(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold `folder` for this process; it is created if needed. Raises HeldError at once if another process holds it, or with `wait` waits until that
    process ends; raises ShardError if the folder can't be written.

    A folder that was created here and is empty at the end is deleted again.
    """
    made = make_folder(folder)
    try:
        handle = _acquire(Path(folder), wait=wait)
        try:
            yield
        finally:
            with suppress(OSError):
                if is_at(handle, Path(folder) / LOCK_NAME):
                    (Path(folder) / LOCK_NAME).unlink()
            os.close(handle)
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


def forget_lock(folder: Path) -> None:
    """Delete the lock file that a killed process left in `folder`, unless a process holds it."""
    if os.path.lexists(Path(folder) / LOCK_NAME):
        with suppress(ShardError), folder_lock(folder):
            pass


def make_folder(folder: Path) -> list[Path]:
    """Create a folder and its parents; returns those that were missing, the innermost first. Raises ShardError if that fails."""
    folder = Path(folder)
    address = _ADDRESS.match(str(folder))
    if address and not os.path.lexists(address[1]):
        raise ShardError(f"{folder}: an address; only local folders can be written, so give a local folder and copy it there")
    missing = []
    try:
        for path in (folder, *folder.parents):
            if path.exists():
                break
            missing.append(path)
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        file = next(path for path in (folder, *folder.parents) if os.path.lexists(path) and not path.is_dir())
        raise ShardError(f"{folder}: {'' if file == folder else f'{file} '}is a file, not a folder; give another folder") from None
    except OSError as error:
        raise ShardError(f"{folder}: cannot be created ({error.strerror or error}); give another folder, or permission to write there") from None
    return missing


def _acquire(folder: Path, *, wait: bool) -> int:
    """The file descriptor that holds the lock."""
    path = folder / LOCK_NAME
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            if wait and isinstance(error, FileNotFoundError):
                make_folder(folder)  # the previous holder, who had created it and left it empty, deleted it
                continue
            raise ShardError(f"{folder}: cannot be written ({error.strerror or error}); give another folder, or permission to write there") from None
        try:
            _lock(handle, folder, wait=wait)
            if is_at(handle, path):  # the previous holder may have deleted it between opening and locking
                _sign(handle)
                return handle
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            raise HeldError(f"{folder}: another run is writing here{holder}; wait until it ends, or choose another output folder") from None
        except OSError as error:
            os.close(handle)
            if error.errno in _NO_LOCKS:
                raise ShardError(
                    f"{folder}: this file system has no locks ({error.strerror}), so two runs could write here at once; "
                    "give a folder on another file system, or mount it with locks (NFS: the lock service)"
                ) from None
            raise ShardError(f"{folder}: cannot be written ({error.strerror or error}); make room and run again") from None
        os.close(handle)


def _lock(handle: int, folder: Path, *, wait: bool) -> None:
    """Raises BlockingIOError if another process holds the lock, unless told to wait."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            raise
        logging.info("%s: waiting for another run that is writing here%s", folder, _holder(handle))
        fcntl.flock(handle, fcntl.LOCK_EX)


def is_at(handle: int, path: Path) -> bool:
    """Whether the file that is open as `handle` still lies at `path`."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        return False


def _sign(handle: int) -> None:
    """Write who holds the lock: only for people, nothing depends on it."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    since = time.strftime("%Y-%m-%d %H:%M:%S %z")
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "command": command, "since": since}).encode(), 0)


def _holder(handle: int) -> str:
    """Description of the holder; empty if it has not signed yet."""
    try:
        holder = json.loads(os.pread(handle, 1 << 16, 0))
        command = holder["command"] if len(holder["command"]) <= _MOST_COMMAND else holder["command"][:_MOST_COMMAND] + "…"
        return f": `{command}`, process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
