"""How all loops over text are compiled."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import xxhash
from numba import njit

from shards.manifest import write_atomically

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}


def kernel(function: F) -> F:
    """Compile with numba: cached on disk, without the GIL, and without reference counts, so a kernel allocates no arrays.

    Counting references costs an atomic instruction for every array that passes from one small function to the next, several times
    the work itself, and most of the compilation.
    """
    return njit(**_OPTIONS)(function)


def inlined(function: F) -> F:
    """A small kernel that is always compiled into its callers: passing ten arrays costs more than most small functions do."""
    return njit(**_OPTIONS, forceinline=True)(function)


def forget_stale_kernels(room: Path) -> None:
    """Remove compiled kernels of `room` from disk if any of its sources changed since they were compiled.

    numba looks only at the file that a kernel stands in; a change in another file that it calls would go unnoticed.
    """
    digest = xxhash.xxh3_128()
    for source in sorted(room.rglob("*.py")):
        digest.update(source.read_bytes())
    stamp = room / "__pycache__" / "kernels.stamp"
    with suppress(OSError):  # an installation that cannot be written to has no compiled kernels beside its sources either
        if not stamp.exists() or stamp.read_text() != digest.hexdigest():
            for compiled in room.rglob("__pycache__/*.nb[ci]"):
                compiled.unlink(missing_ok=True)
            write_atomically(stamp, digest.hexdigest().encode())


forget_stale_kernels(Path(__file__).parent.parent)
