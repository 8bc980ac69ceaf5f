"""Which files in an output folder are ours.

A command deletes and replaces only files that a record lists as written by us. Everything else in its folder belongs to somebody else and stays; if
such a file has a name that we need, the command refuses before it starts. There are three records: a set's manifest lists its data files
(`shards.write`), a task's commit those of a stage (`shards.stages`), and `.cptkit-files` in the output folder all others, one name a line. A name
is recorded before its file is written, so that a kill leaves no file that we don't know.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from shards.atomic import as_shard_error, sync_folder, write_atomically
from shards.errors import ShardError
from shards.lock import LOCK_NAME, folder_lock, make_folder
from shards.record import CHECKSUM

RECORD_NAME = ".cptkit-files"
_TEMPORARY = re.compile(r"\.(?P<name>.+?)\.\d+(\.\d+)?\.tmp", re.DOTALL)


@contextmanager
def output_folder(folder: Path, names: Iterable[str] = (), *, wait: bool = False) -> Iterator[None]:
    """Hold `folder` for a command that will write `names` in it, and leave its record in order.

    Names are relative, with `/`. Raises ShardError if another run holds the folder (with `wait`, waits for it), if it can't be written, or if a file
    that no record lists has one of the names. Temporary files of killed runs are deleted.
    """
    folder = Path(folder)
    with folder_lock(folder, wait=wait):
        refuse_foreign(folder, names)
        _tidy(folder)
        yield
        _tidy(folder)


def tidy_finished(folder: Path) -> None:
    """Delete what a run left that was killed after all its work but before tidying up; does nothing if the folder is held."""
    if os.path.lexists(Path(folder) / LOCK_NAME):
        with suppress(ShardError), output_folder(folder):
            pass


def refuse_foreign(folder: Path, names: Iterable[str]) -> None:
    """Raise ShardError naming the first of `names` that exists and is not ours."""
    folder, ours = Path(folder), None
    for name in names:
        if os.path.lexists(folder / name):
            ours = recorded(folder) if ours is None else ours
            if name not in ours:
                raise ShardError(foreign(folder / name))


def foreign(path: Path) -> str:
    """Error message for a file that is in the way."""
    advice = "move it, or give another output folder; if an earlier version wrote it, you may delete it"
    return f"{path}: already exists, and no record shows that cptkit wrote it; {advice}"


def claim(folder: Path, names: Iterable[str]) -> None:
    """Record that `names` in `folder` are ours; call it before writing them. Raises ShardError as `refuse_foreign`."""
    folder = Path(folder)
    ours = recorded(folder)
    names = [name for name in dict.fromkeys(names) if name not in ours]
    if not names:
        return
    make_folder(folder)
    refuse_foreign(folder, names)
    append_names(folder / RECORD_NAME, names)


def adopt(folder: Path, names: Iterable[str]) -> None:
    """Record that `names` in `folder` are ours, because another of our records lists them."""
    known = recorded(folder)
    append_names(Path(folder) / RECORD_NAME, [name for name in names if name not in known])


def write_owned(path: Path, data: bytes) -> None:
    """`write_atomically` to a file that is new or ours. Raises ShardError if it is not."""
    claim(path.parent, [path.name])
    write_atomically(path, data)


def write_page(path: Path, data: bytes) -> None:
    """`write_owned` for what a person names with --out: a page, a card, figures. Raises ShardError if that would replace a file of ours of another
    kind, such as the record that the page shows."""
    claim(path.parent, [path.name])
    if path.is_file() and _kind(path.read_bytes()) != _kind(data):
        raise ShardError(f"{path}: contains something else that a cptkit command wrote; give another name")
    write_atomically(path, data)


def recorded(folder: Path) -> frozenset[str]:
    """Names in the folder's record."""
    return frozenset(read_names(Path(folder) / RECORD_NAME))


def remove_recorded(folder: Path, below: str) -> None:
    """Delete the file `below`, or all files under the folder `below`, if the record of `folder` lists them, and folders left empty."""
    folder = Path(folder)
    ours = [name for name in recorded(folder) if name == below or name.startswith(f"{below}/")]
    for name in ours:
        path = folder / name
        if path.parent.resolve() == folder.resolve() / PurePosixPath(name).parent:  # not behind a symbolic link
            with suppress(FileNotFoundError, IsADirectoryError, PermissionError, NotADirectoryError):
                path.unlink()
    for parent in sorted({parent for name in ours for parent in PurePosixPath(name).parents if str(parent) != "."}, key=lambda one: -len(one.parts)):
        with suppress(OSError):
            (folder / parent).rmdir()


def remove_temporaries(folder: Path, names: Iterable[str] | re.Pattern[str]) -> None:
    """Delete temporary files that killed runs left of `names` (or of all names that a pattern matches) in `folder`."""
    known = names if isinstance(names, re.Pattern) else frozenset(names)
    for path in folder.glob(".*.tmp"):
        match = _TEMPORARY.fullmatch(path.name)
        if match and (known.fullmatch(match["name"]) if isinstance(known, re.Pattern) else match["name"] in known):
            with suppress(FileNotFoundError, IsADirectoryError, PermissionError):
                path.unlink()


def holds_nothing(folder: Path) -> bool:
    """Whether `folder` contains only our lock, our record and temporary files of them."""
    names = (path.name for path in Path(folder).iterdir())
    return {match["name"] if (match := _TEMPORARY.fullmatch(name)) else name for name in names} <= {LOCK_NAME, RECORD_NAME}


def append_names(record: Path, names: Iterable[str]) -> None:
    """Add names to a record, and fsync it. Raises ShardError if the disk is full."""
    is_new = not record.exists()
    with as_shard_error(record), record.open("a+b", buffering=0) as handle:
        size = handle.seek(0, os.SEEK_END)
        is_cut = size > 0 and os.pread(handle.fileno(), 1, size - 1) != b"\n"  # by a kill; new names start on a line of their own
        handle.write((b"\n" if is_cut else b"") + "".join(json.dumps(name) + "\n" for name in names).encode())
        os.fsync(handle.fileno())
    if is_new:
        sync_folder(record.parent)


def read_names(record: Path) -> list[str]:
    """Names in a record, in order. Lines cut by a kill and names that lead out of the folder are skipped."""
    try:
        lines = record.read_bytes().splitlines()
    except OSError:
        return []
    names = []
    for line in lines:
        with suppress(ValueError):
            name = json.loads(line)
            if isinstance(name, str) and name and not name.startswith("/") and ".." not in PurePosixPath(name).parts:
                names.append(name)
    return names


def _tidy(folder: Path) -> None:
    """Reduce the record to existing files, sorted, so that it is the same however often the run was killed."""
    names = read_names(folder / RECORD_NAME)
    remove_temporaries(folder, {RECORD_NAME})
    if not names:
        if _is_cut_short(folder / RECORD_NAME):
            (folder / RECORD_NAME).unlink()
        return
    for parent in {PurePosixPath(name).parent for name in names}:
        remove_temporaries(folder / parent, {PurePosixPath(name).name for name in names if PurePosixPath(name).parent == parent})
    existing = sorted({name for name in names if os.path.lexists(folder / name)})
    if existing != names:
        (folder / RECORD_NAME).unlink() if not existing else write_atomically(
            folder / RECORD_NAME, "".join(json.dumps(name) + "\n" for name in existing).encode()
        )


def _kind(data: bytes) -> tuple[bytes, bool]:
    """The kind of a file: how it begins, for JSON and YAML up to the first key; and whether it is a record, which ends with its checksum."""
    begin = re.match(rb"\s*(\{\s*\"[^\"]*\"|[a-z_]+:|.{0,3})", data, re.DOTALL)
    return begin[1] if begin else b"", f'"{CHECKSUM}": '.encode() in data[-200:]


def _is_cut_short(record: Path) -> bool:
    """Whether a kill came before the first name of a record was complete."""
    try:
        return b"\n" not in record.read_bytes()
    except OSError:
        return False
