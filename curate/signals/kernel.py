"""How all loops over text are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile with numba: cached on disk, without the GIL, and without reference counts, so a kernel allocates no arrays.

    Counting references costs an atomic instruction for every array that passes from one small function to the next, several times
    the work itself, and most of the compilation.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    return njit(**options)(function)
