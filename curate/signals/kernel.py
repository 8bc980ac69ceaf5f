"""How all loops over text are compiled."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import xxhash
from numba import njit

from shards.manifest import write_atomically

F = TypeVar("F", bound=Callable[..., Any])

_IMPORT = re.compile(r"^(?:from|import) ([\w.]+)(?: import ([^\n(]*))?", re.MULTILINE)

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
    """Remove compiled kernels from disk if their source, or any source of `room` that it imports, changed since they were compiled.

    numba looks only at the file that a kernel stands in; a change in another file that it calls would go unnoticed.
    """
    sources = {path: path.read_text(encoding="utf-8") for path in sorted(room.rglob("*.py"))}
    kernels = {str(path.relative_to(room)): _closure_digest(path, room, sources) for path, text in sources.items() if "numba" in text or "kernel" in text}
    stamp = room / "__pycache__" / "kernels.json"
    with suppress(OSError):  # an installation that cannot be written to has no compiled kernels beside its sources either
        known = json.loads(stamp.read_text()) if stamp.exists() else {}
        for name in {*kernels, *known}:
            if kernels.get(name) != known.get(name):
                source = room / name
                for compiled in source.parent.glob(f"__pycache__/{source.stem}.*.nb[ci]"):
                    compiled.unlink(missing_ok=True)
        if known != kernels:
            write_atomically(stamp, json.dumps(kernels).encode())


def _closure_digest(start: Path, room: Path, sources: Mapping[Path, str]) -> str:
    """A hash over a source and all sources of the room that it imports, near or far."""
    found, waiting = {start}, [start]
    while waiting:
        for module, names in _IMPORT.findall(sources[waiting.pop()]):
            parts = module.split(".")
            base = room.joinpath(*parts[1:])
            # `from room.folder import module` as well as `from room.module import name`
            candidates = [base.with_suffix(".py"), *(base / f"{name.strip()}.py" for name in names.split(","))] if parts[0] == room.name else []
            for path in candidates:
                if path in sources and path not in found:
                    found.add(path)
                    waiting.append(path)
    digest = xxhash.xxh3_128()
    for path in sorted(found):
        digest.update(sources[path])
    return digest.hexdigest()


forget_stale_kernels(Path(__file__).parent.parent)
