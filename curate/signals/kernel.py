"""How all loops over text are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

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
