"""Files that are there whole or not at all."""

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
"""Numpy says no number: "1000 requested and 512 written"."""


def file_checksum(path: Path) -> str:
    """xxh3-128 of a file's bytes, 32 hexadecimal digits."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that readers see the old content, or all of the new, never a part: tmp, fsync, rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    try:
        with told_as_shard_error(path):
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
    """Whether an error, of whatever library, says that a disk takes no more."""
    return isinstance(error, OSError) and (error.errno in _FULL or (error.errno is None and _NUMPY_FULL in str(error)))


@contextmanager
def told_as_shard_error(path: Path) -> Iterator[None]:
    """Say of a full or failing disk what was being written and what to do."""
    try:
        yield
    except OSError as error:
        raise ShardError(f"{path.parent}: cannot write ({error.strerror or error}); make room and run again, what is finished is kept") from error


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that renames in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
