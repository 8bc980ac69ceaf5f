"""The manifest of a shard set: what is in it, what made it, what it came from.

A set is a folder with Arrow IPC files and `manifest.json`. Writing order: each data file goes to a temporary name, is
fsynced and renamed; the manifest is the last rename. So a folder without a manifest is an unfinished set, and a set with one
is complete. Nothing in a manifest depends on time, host, worker count or the folder's place.
"""

import dataclasses
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from shards.errors import ShardError

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
_CHUNK_BYTES = 1 << 22


@dataclass(frozen=True)
class ShardFile:
    """One data file: `n_bytes` is its size on disk, `checksum` the xxh3-128 of those bytes in hexadecimal."""

    name: str
    n_rows: int
    n_bytes: int
    checksum: str
    n_tokens: int | None = None


@dataclass(frozen=True)
class Parent:
    """A shard set that this one was made from: its kind, its manifest's hash, and a label (not a path of this machine)."""

    label: str
    kind: str
    manifest_hash: str


@dataclass(frozen=True)
class Manifest:
    """Contents and lineage of one shard set. `recipe` and `info` are opaque JSON objects to this module."""

    kind: str
    files: tuple[ShardFile, ...]
    recipe: dict[str, Any] = field(default_factory=dict)
    recipe_hash: str = ""
    parents: tuple[Parent, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def n_rows(self) -> int:
        """Rows over all files."""
        return sum(file.n_rows for file in self.files)

    @property
    def n_tokens(self) -> int:
        """Tokens over all files; 0 for kinds that hold none."""
        return sum(file.n_tokens or 0 for file in self.files)

    @property
    def hash(self) -> str:
        """xxh3-128 of the manifest's canonical JSON, in hexadecimal: names the set's exact content."""
        return json_hash(dataclasses.asdict(self))


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a set: the file and what is wrong with it."""

    file: str
    problem: str


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spare blanks: equal values, equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def json_hash(value: Any) -> str:
    """xxh3-128 of `canonical_json(value)`, 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(canonical_json(value).encode())


def file_checksum(path: Path) -> str:
    """xxh3-128 of a file's bytes, 32 hexadecimal digits."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read a set's manifest. Raises ShardError if there is none, it is not JSON, or its schema version is unknown."""
    path = Path(folder) / MANIFEST_NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        version = raw.get("schema_version")
    except FileNotFoundError:
        raise ShardError(_no_manifest(Path(folder))) from None
    except (ValueError, AttributeError, OSError) as error:
        raise ShardError(f"{path}: not a readable manifest ({error}); rerun the command that made this set") from None
    if version != SCHEMA_VERSION:
        raise ShardError(
            f"{path}: schema version {version}, this cptkit reads version {SCHEMA_VERSION}; "
            "rerun the command that made this set, or install the cptkit version that wrote it"
        )
    try:
        raw["files"] = tuple(ShardFile(**item) for item in raw["files"])
        raw["parents"] = tuple(Parent(**item) for item in raw["parents"])
        return Manifest(**raw)
    except (TypeError, KeyError) as error:
        raise ShardError(f"{path}: not a cptkit manifest ({error})") from None


def _no_manifest(folder: Path) -> str:
    if not folder.exists():
        return f"{folder}: no such folder; expected a shard set"
    if any(folder.glob("*.arrow")):
        return f"{folder}: no {MANIFEST_NAME}, so this set is half-written; rerun the command that makes it, it will resume"
    return f"{folder}: no {MANIFEST_NAME}, so this is not a shard set; give the folder a cptkit command wrote"


def commit_manifest(folder: Path, manifest: Manifest) -> None:
    """Make the set in `folder` readable. All data files must already be in place; this is the last rename."""
    text = json.dumps(dataclasses.asdict(manifest), indent=1, sort_keys=True, ensure_ascii=False)
    write_atomically(Path(folder) / MANIFEST_NAME, (text + "\n").encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that readers see the old content, or all of the new, never a part: tmp, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    try:
        with told_as_shard_error(path), temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


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


def verify(folder: Path) -> list[Fault]:
    """Compare every file of a set with its manifest; an empty list means the set is whole. Raises ShardError without one."""
    manifest = read_manifest(folder)
    faults = []
    for file in manifest.files:
        problem = file_problem(Path(folder) / file.name, file)
        if problem:
            faults.append(Fault(file.name, problem))
    return faults


def looks_sound(folder: Path, manifest: Manifest) -> bool:
    """Whether a set's files have their sizes, and those that were touched after the manifest was written their checksums.

    Sets of any size are looked at in no time: a manifest is written last, so only what somebody changed since has to be read.
    """
    committed = (Path(folder) / MANIFEST_NAME).stat().st_mtime_ns
    return not any(file_problem(path, file, checksum=_touched_after(path, committed)) for file in manifest.files for path in [Path(folder) / file.name])


def _touched_after(path: Path, moment: int) -> bool:
    return path.exists() and path.stat().st_mtime_ns > moment


def file_problem(path: Path, expected: ShardFile, *, checksum: bool = True) -> str | None:
    """What is wrong with a data file against its manifest entry, or None; without `checksum` only its size is compared."""
    if not path.exists():
        return "missing"
    size = path.stat().st_size
    if size != expected.n_bytes:
        return f"{size} bytes, the manifest says {expected.n_bytes}"
    found = file_checksum(path) if checksum else expected.checksum
    if found != expected.checksum:
        return f"checksum {found}, the manifest says {expected.checksum}"
    return None
