"""Files that are written completely or not at all."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import xxhash

from shards.errors import ShardError

_CHUNK_BYTES = 1 << 22
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NUMPY_FULL = "requested and"
"""Numpy's error has no errno, only this text: "1000 requested and 512 written"."""


def file_checksum(path: Path) -> str:
    """xxh3-128 of a file's bytes, 32 hexadecimal digits."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that readers see the old content or all of the new, never a part: temporary file, fsync, rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    try:
        with as_shard_error(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()
    sync_folder(path.parent)


def is_full_disk(error: BaseException) -> bool:
    """Whether an error of any library means that a disk is full."""
    return isinstance(error, OSError) and (error.errno in _FULL or (error.errno is None and _NUMPY_FULL in str(error)))


@contextmanager
def as_shard_error(path: Path) -> Iterator[None]:
    """Turn an OSError of a full or failing disk into a ShardError that names the folder and what to do."""
    try:
        yield
    except OSError as error:
        raise ShardError(f"{path.parent}: cannot write ({error.strerror or error}); make room and run again, finished work is kept") from error


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that renames in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
