"""The folder of an export, and the note in it, which records what the other formats cannot.

Every file is written under a temporary name, fsynced and renamed. The note, `cptkit.json`, is first written as unfinished and last as finished. It
holds the tokenizer's facts, the sizes and checksums of the files, and the set that they came from, so that importing the folder needs no options
and detects damage. Other programs ignore it.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from shards.atomic import sync_folder, write_atomically
from shards.facts import TokenizerInfo
from shards.folder import adopt, claim, holds_nothing, recorded, remove_recorded
from shards.manifest import bytes_problem
from shards.names import Checksum, Count, FileName
from shards.record import read_record, sealed
from shards.write import HashingFile
from tokenize_tools.errors import TokenizeError

NOTE_NAME = "cptkit.json"
_NOTE_VERSION = 2
_IDS = (".bin", ".ds", ".npy")


class _File(BaseModel):
    """A file of an export: its size in bytes, and their xxh3-128."""

    model_config = ConfigDict(extra="forbid")

    n_bytes: Count
    checksum: Checksum


class _Note(TokenizerInfo):
    """The keys of a note."""

    version: int
    format: str
    finished: bool
    n_documents: Count | None = None
    n_tokens: Count | None = None
    files: dict[FileName, _File] = {}


class ExportFolder:
    """A folder to write an export into, locked by `output_folder`. Only files of an earlier export of ours are removed.

    Raises TokenizeError if it is not empty and has no earlier export.
    """

    def __init__(self, folder: Path, form: str) -> None:
        self.folder, self.form = Path(folder), form
        earlier = None if NOTE_NAME in recorded(self.folder) else read_note(self.folder)
        if earlier is not None:
            adopt(self.folder, [NOTE_NAME, *earlier.get("files", ())])
        elif not recorded(self.folder) and not holds_nothing(self.folder):
            raise TokenizeError(f"{self.folder}: is not empty and not an earlier export; give another folder with --out")
        claim(self.folder, [NOTE_NAME])
        self._write_note({"finished": False})
        for name in recorded(self.folder) - {NOTE_NAME}:
            remove_recorded(self.folder, name)
        self.files: dict[str, dict[str, Any]] = {}
        """Size and checksum of the files written so far, by name."""

    @contextmanager
    def open(self, name: str) -> Iterator[HashingFile]:
        """A binary sink for one file, which gets its final name when the block ends without an exception."""
        claim(self.folder, [name])
        temporary = self.folder / f".{name}.{os.getpid()}.tmp"
        sink = HashingFile(temporary)
        try:
            yield sink
            sink.close()
        except BaseException:
            sink.discard()
            temporary.unlink(missing_ok=True)
            raise
        os.replace(temporary, self.folder / name)
        self.files[name] = {"n_bytes": sink.n_bytes, "checksum": sink.checksum()}

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Mark the export as finished, and record `facts` for a later import."""
        sync_folder(self.folder)
        self._write_note({"finished": True, **facts, "files": self.files})

    def _write_note(self, content: dict[str, Any]) -> None:
        write_atomically(self.folder / NOTE_NAME, sealed({"version": _NOTE_VERSION, "format": self.form} | content))


def read_note(folder: Path) -> dict[str, Any] | None:
    """The note that `tokenize export` left in a folder, or None. Raises TokenizeError if it is damaged, out of bounds or of another version."""
    path, remedy = Path(folder) / NOTE_NAME, "export again, or delete it and name the tokenizer in options"
    try:
        return read_record(path, _Note, error=TokenizeError, remedy=remedy, version=("version", _NOTE_VERSION)).model_dump(exclude_unset=True)
    except FileNotFoundError:
        return None


def check_export(folder: Path, note: Mapping[str, Any], stems: Collection[str] | None = None) -> None:
    """Raise TokenizeError unless the files that a note names are unchanged: all, or those that belong to the names in `stems`.

    `00000_tokens.ds` and `00000_tokens.ds.index` belong to the stem `00000_tokens`. Sizes are compared for all files, so that a missing one is
    detected. Checksums are compared for all but the ids, which are hashed when they are read.
    """
    for name, file in note.get("files", {}).items():
        if stems is not None and stem_of(name) not in stems:
            continue
        problem = bytes_problem(folder / name, file["n_bytes"], None if name.endswith(_IDS) else file["checksum"])
        if problem:
            raise TokenizeError(f"{folder / name}: {problem.replace('the manifest', NOTE_NAME)}; copy it again from where it was exported")


def stem_of(name: str) -> str:
    """The part of a file name before the first dot, which files that belong together share."""
    return name.partition(".")[0]
