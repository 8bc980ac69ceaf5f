"""Compilation of all loops over text."""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import xxhash
from numba import njit

from shards.atomic import write_atomically
from shards.errors import ShardError

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
    """Compile a small kernel into its callers: passing ten arrays costs more than most small functions."""
    return njit(**_OPTIONS, forceinline=True)(function)


def forget_stale_kernels(room: Path) -> dict[str, str]:
    """Remove compiled kernels from disk if their source, or any source of `room` that it imports, changed since they were compiled.

    numba checks only the file that defines a kernel; it would miss a change in another file that the kernel calls. Returns a hash over each
    such source and all that it imports, by its path in `room`; sources are read again only if the size or time of one of them changed.
    """
    paths = sorted(room.rglob("*.py"))
    stats = {str(path.relative_to(room)): [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}
    stamp = room / "__pycache__" / "sources.json"
    known: dict[str, Any] = {"stats": {}, "kernels": {}}
    with suppress(OSError, ValueError):
        known = json.loads(stamp.read_text())
    if known["stats"] == stats:
        return dict(known["kernels"])
    sources = {path: path.read_text(encoding="utf-8") for path in paths}
    kernels = {str(path.relative_to(room)): _closure_digest(path, room, sources) for path, text in sources.items() if "numba" in text or "kernel" in text}
    with suppress(OSError, ShardError):  # a read-only installation has no compiled kernels beside its sources
        _remove_changed(room, known["kernels"], kernels)
        write_atomically(stamp, json.dumps({"stats": stats, "kernels": kernels}).encode())
    return kernels


def _remove_changed(room: Path, known: Mapping[str, str], kernels: Mapping[str, str]) -> None:
    for name in {*kernels, *known}:
        if kernels.get(name) != known.get(name):
            source = room / name
            for compiled in source.parent.glob(f"__pycache__/{source.stem}.*.nb[ci]"):
                compiled.unlink(missing_ok=True)


def _closure_digest(start: Path, room: Path, sources: Mapping[Path, str]) -> str:
    """A hash over a source and all sources of the room that it imports, directly or not."""
    closure, waiting = {start}, [start]
    while waiting:
        for module, names in _IMPORT.findall(sources[waiting.pop()]):
            parts = module.split(".")
            base = room.joinpath(*parts[1:])
            # `from room.folder import module` as well as `from room.module import name`
            candidates = [base.with_suffix(".py"), *(base / f"{name.strip()}.py" for name in names.split(","))] if parts[0] == room.name else []
            for path in candidates:
                if path in sources and path not in closure:
                    closure.add(path)
                    waiting.append(path)
    digest = xxhash.xxh3_128()
    for path in sorted(closure):
        digest.update(sources[path])
    return digest.hexdigest()


_ROOM = Path(__file__).parent.parent
_digests = forget_stale_kernels(_ROOM)


def source_digest(path: str | Path) -> str:
    """A hash over a source file with kernels (its `__file__`) and all sources of the room that it imports."""
    return _digests[str(Path(path).relative_to(_ROOM))]
