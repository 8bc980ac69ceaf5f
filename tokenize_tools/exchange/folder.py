"""The folder that an export goes to, and the note in it that tells what peers' formats cannot.

Every file is written under a temporary name, fsynced and renamed; the note, `cptkit.json`, is written as unfinished first and as
finished last. It holds the tokenizer's facts, the sizes and checksums of the files and the set that they came from, so that an
import of the folder needs no options and finds damage. Peers don't look at it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shards.atomic import sync_folder, write_atomically
from shards.write import HashingFile
from tokenize_tools.errors import TokenizeError

NOTE_NAME = "cptkit.json"
_NOTE_VERSION = 1


class ExportFolder:
    """A folder to write an export into. Raises TokenizeError if it holds anything but an earlier export."""

    def __init__(self, folder: Path, form: str) -> None:
        self.folder, self.form = Path(folder), form
        if self.folder.is_file():
            raise TokenizeError(f"{self.folder}: is a file; give a folder with --out")
        if self.folder.is_dir() and any(self.folder.iterdir()) and read_note(self.folder) is None:
            raise TokenizeError(f"{self.folder}: is not empty and not an earlier export; give another folder with --out")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_note({"finished": False})
        for path in self.folder.iterdir():
            if path.name != NOTE_NAME:
                _refuse_folder(path)
                path.unlink()
        self.files: dict[str, dict[str, Any]] = {}
        """Size and checksum of the files written so far, by name."""

    @contextmanager
    def open(self, name: str) -> Iterator[HashingFile]:
        """A binary sink for one file, which gets its name when the block is left without an exception."""
        temporary = self.folder / f".{name}.tmp"
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
        """Mark the export as whole. `facts` is what a later import wants to know."""
        sync_folder(self.folder)
        self._write_note({"finished": True, **facts, "files": self.files})

    def _write_note(self, content: dict[str, Any]) -> None:
        text = json.dumps({"version": _NOTE_VERSION, "format": self.form} | content, indent=1, sort_keys=True, ensure_ascii=False)
        write_atomically(self.folder / NOTE_NAME, (text + "\n").encode())


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise TokenizeError(f"{path}: an export has no folders in it, so this one is somebody else's; move it away, or give another folder with --out")


def read_note(folder: Path) -> dict[str, Any] | None:
    """The note that `tokenize export` left in a folder, or None. Raises TokenizeError if it is damaged or of another version."""
    path = Path(folder) / NOTE_NAME
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        version = note["version"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TokenizeError(f"{path}: not a note of `tokenize export` ({type(error).__name__}); delete it, and name the tokenizer in options") from None
    if version != _NOTE_VERSION:
        raise TokenizeError(f"{path}: version {version}, this cptkit reads version {_NOTE_VERSION}; delete it, and name the tokenizer in options")
    return note
