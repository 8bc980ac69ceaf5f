"""The manifest of a shard set: its contents, what made it, and what it was made from.

A set is a folder with Arrow IPC files and `manifest.json`. Writing order: each data file goes to a temporary name, is fsynced and renamed; the
manifest is the last rename. So a folder without a manifest is an unfinished set, and a set with one is complete. Nothing in a manifest depends on
time, host, worker count or the folder's path.
"""

import dataclasses
import json
import os
import stat
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from shards.atomic import file_checksum, sync_folder
from shards.errors import ShardError
from shards.facts import check_info
from shards.names import ArrowName, Checksum, Count
from shards.record import canonical_json, json_hash, read_record, write_record

SCHEMA_VERSION = 2
MANIFEST_NAME = "manifest.json"
_CHECKED = ConfigDict(extra="forbid")
UNFINISHED_NAME = ".manifest.json.unfinished"
"""In a set that is being written: the names of its data files so far. It becomes the manifest."""


@dataclass(frozen=True, config=_CHECKED)
class ShardFile:
    """One data file: `n_bytes` is its size on disk, `checksum` the xxh3-128 of those bytes in hexadecimal."""

    name: ArrowName
    n_rows: Count
    n_bytes: Count
    checksum: Checksum
    n_tokens: Count | None = None


@dataclass(frozen=True, config=_CHECKED)
class Parent:
    """A shard set that this one was made from: its kind, its manifest's hash, and a label (not a path of this machine)."""

    label: str
    kind: str
    manifest_hash: Checksum


@dataclass(frozen=True, config=_CHECKED)
class Manifest:
    """Contents and lineage of one shard set. `recipe` is an opaque JSON object to this module; `shards.facts` knows the bounds of `info`.

    Raises pydantic's ValidationError for invalid names, numbers and checksums.
    """

    kind: str
    files: tuple[ShardFile, ...]
    recipe: dict[str, Any] = field(default_factory=dict)
    recipe_hash: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""
    parents: tuple[Parent, ...] = ()
    info: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @model_validator(mode="after")
    def _agrees(self) -> "Manifest":
        names = [file.name for file in self.files]
        if len(set(names)) < len(names):
            raise ValueError(f"files: {next(name for name in names if names.count(name) > 1)} appears twice")
        n_bytes = sum(file.n_bytes for file in self.files)
        check_info(self.kind, self.info, self.n_rows, self.n_tokens, n_bytes, [parent.label for parent in self.parents])
        return self

    @property
    def n_rows(self) -> int:
        """Rows over all files."""
        return sum(file.n_rows for file in self.files)

    @property
    def n_tokens(self) -> int:
        """Tokens over all files; 0 for kinds without tokens."""
        return sum(file.n_tokens or 0 for file in self.files)

    @property
    def hash(self) -> str:
        """xxh3-128 of the manifest's canonical JSON, in hexadecimal: names the set's exact content."""
        return json_hash(dataclasses.asdict(self))


@dataclass(frozen=True)
class Fault:
    """A file of a set and what is wrong with it."""

    file: str
    problem: str


def read_manifest(folder: Path) -> Manifest:
    """Read a set's manifest. Raises ShardError if it is missing, damaged, edited, out of bounds or of an unknown schema version."""
    try:
        return read_record(Path(folder) / MANIFEST_NAME, Manifest, remedy="rerun the command that made this set", version=("schema_version", SCHEMA_VERSION))
    except FileNotFoundError:
        raise ShardError(_no_manifest(Path(folder))) from None


def _no_manifest(folder: Path) -> str:
    if not folder.exists():
        return f"{folder}: no such folder; expected a shard set"
    if any(folder.glob("*.arrow")) or (folder / UNFINISHED_NAME).exists():
        return f"{folder}: no {MANIFEST_NAME}, so this set is half-written; rerun the command that makes it, it will resume"
    inside = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST_NAME}"))
    if inside:
        return f"{folder}: no {MANIFEST_NAME}, so this is not a shard set; it contains sets, give one of them: {', '.join(inside)}"
    return f"{folder}: no {MANIFEST_NAME}, so this is not a shard set; give the folder a cptkit command wrote"


def commit_manifest(folder: Path, manifest: Manifest) -> None:
    """Make the set in `folder` readable. All data files must already be in place; this is the last rename."""
    write_record(Path(folder) / UNFINISHED_NAME, json.loads(canonical_json(dataclasses.asdict(manifest))))
    os.replace(Path(folder) / UNFINISHED_NAME, Path(folder) / MANIFEST_NAME)
    sync_folder(Path(folder))


def verify(folder: Path) -> list[Fault]:
    """Compare every file of a set with its manifest; an empty list means that the set is intact. Raises ShardError without a manifest."""
    manifest = read_manifest(folder)
    faults = []
    for file in manifest.files:
        problem = file_problem(Path(folder) / file.name, file)
        if problem:
            faults.append(Fault(file.name, problem))
    return faults


def looks_sound(folder: Path, manifest: Manifest) -> bool:
    """Whether a set's files have their sizes, and files modified after the manifest was written their checksums.

    Fast for sets of any size: the manifest is written last, so only files changed since then are read.
    """
    return not any(later_problem(Path(folder) / file.name, file, Path(folder) / MANIFEST_NAME) for file in manifest.files)


def is_whole(folder: Path, kind: str) -> bool:
    """Whether `folder` holds a set of `kind` that looks sound."""
    try:
        manifest = read_manifest(folder)
    except ShardError:
        return False
    return manifest.kind == kind and looks_sound(folder, manifest)


def later_problem(path: Path, expected: ShardFile, record: Path) -> str | None:
    """As `file_problem`, but the checksum is compared only if the file was modified after the `record` that names it."""
    modified = path.exists() and path.stat().st_mtime_ns > record.stat().st_mtime_ns
    return file_problem(path, expected, checksum=modified)


def file_problem(path: Path, expected: ShardFile, *, checksum: bool = True) -> str | None:
    """What is wrong with a data file against its manifest entry, or None; without `checksum` only its size is compared."""
    return bytes_problem(path, expected.n_bytes, expected.checksum if checksum else None)


def bytes_problem(path: Path, n_bytes: int, checksum: str | None) -> str | None:
    """What is wrong with a file that should have `n_bytes` bytes and, if given, a checksum; None if nothing is."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            target, folder = os.path.realpath(path), os.path.realpath(path.parent)
            if os.path.dirname(target) != folder:
                return f"a symbolic link to {target}, outside its set; put the file itself there"
            status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if not stat.S_ISREG(status.st_mode):
        return "not a file"
    if status.st_size != n_bytes:
        return f"{status.st_size} bytes, the manifest says {n_bytes}"
    if checksum is not None and (actual := file_checksum(path)) != checksum:
        return f"checksum {actual}, the manifest says {checksum}"
    return None
