"""All files below a folder, each once, however many links lead to it. Files that cannot be read are reported, not skipped silently."""

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from curate.read.file_names import os_problem
from shards.manifest import MANIFEST_NAME

_KINDS = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
_STAGE = re.compile(r"[a-z_]+-[0-9a-f]{16}")
_MAX_MANIFEST_BYTES = 64 << 20


@dataclass(frozen=True)
class FoundFile:
    """A file, or with a `problem` a broken link or a folder that cannot be listed."""

    path: str
    n_bytes: int = 0
    mtime_ns: int = 0
    problem: str = ""


class Walk:
    """Files below folders, in the order in which they are met.

    Names that begin with a dot are left out. Folders of our shard sets and runs, and those for which `is_excluded`, are passed over; if the walk starts
    in a shard set, the set is read without its manifest. Entries that are not files, and links to files that are read anyway, are counted in
    `passed_over` by kind. A file with several names is read under its own name rather than a link's, unless only the link's name `shows_format`.
    """

    def __init__(self, is_excluded: Callable[[str], bool], shows_format: Callable[[str], bool]) -> None:
        self.passed_over: Counter[str] = Counter()
        self._is_excluded = is_excluded
        self._shows_format = shows_format
        self._folders: set[tuple[int, int]] = set()
        self._files: dict[tuple[int, int] | str, FoundFile] = {}
        self._links: list[str] = []

    def below(self, root: str) -> list[FoundFile]:
        """Every file below `root`. Real folders come before links and links are sorted by name, so the same tree always gives the same files."""
        self._enter(root, is_root=True)
        while self._links:
            links, self._links = sorted(self._links), []
            for link in links:
                self._follow(link)
        return list(self._files.values())

    def _enter(self, folder: str, is_root: bool = False) -> None:
        waiting = [folder]
        while waiting:
            folder = waiting.pop()
            if not is_root and (self._is_excluded(folder) or is_ours(folder)):
                self.passed_over["folder of a run or shard set"] += 1
                continue
            try:
                status = os.stat(folder)
                with os.scandir(folder) as entries:
                    by_name = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self._files[folder] = FoundFile(folder, problem=f"cannot be listed ({os_problem(error)})")
                continue
            own_manifest = MANIFEST_NAME if is_root and is_shard_set(folder) else None
            is_root = False
            if (status.st_dev, status.st_ino) in self._folders:  # reached through a link to a parent folder
                continue
            self._folders.add((status.st_dev, status.st_ino))
            below = [path for entry in by_name if not entry.name.startswith(".") and entry.name != own_manifest for path in self._take(entry)]
            waiting += reversed(below)

    def _take(self, entry: os.DirEntry[str]) -> list[str]:
        """Record an entry of a folder → its path in a list if it is a folder to enter, else an empty list."""
        try:
            if entry.is_symlink():
                self._links.append(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                return [entry.path]
            else:
                self._add(entry.path, entry.stat(follow_symlinks=False), is_link=False)
        except OSError as error:
            self._files[entry.path] = FoundFile(entry.path, problem=f"cannot be read ({os_problem(error)})")
        return []

    def _follow(self, link: str) -> None:
        try:
            status = os.stat(link)
        except OSError as error:
            self._files[link] = FoundFile(link, problem=f"a broken link ({os_problem(error)})")
            return
        if not stat.S_ISDIR(status.st_mode):
            self._add(link, status, is_link=True)
        elif (status.st_dev, status.st_ino) in self._folders:
            self.passed_over["link to a folder that is read anyway"] += 1
        else:
            self._enter(link)

    def _add(self, path: str, status: os.stat_result, is_link: bool) -> None:
        kind = kind_of(status.st_mode)
        if kind is not None:
            self.passed_over[kind] += 1
            return
        file = FoundFile(path, status.st_size, status.st_mtime_ns)
        key: tuple[int, int] | str = (status.st_dev, status.st_ino)
        other = self._files.get(key)
        if other is not None and os.path.realpath(other.path) != os.path.realpath(path):  # a hard link counts as a separate file
            key = os.path.realpath(path)
            other = self._files.get(key)
        if other is not None:
            self.passed_over["link to a file that is read anyway"] += 1
        if other is None or (is_link and self._shows_format(path) and not self._shows_format(other.path)):
            self._files[key] = file


def kind_of(mode: int) -> str | None:
    """The kind of a directory entry that is neither a file nor a folder, e.g. "a pipe"; None for files and folders."""
    return next((kind for test, kind in _KINDS.items() if test(mode)), None)


def is_shard_set(folder: str) -> bool:
    """Whether the folder holds a manifest of a shard set, valid or not."""
    path = os.path.join(folder, MANIFEST_NAME)
    try:
        if not 0 < os.stat(path).st_size <= _MAX_MANIFEST_BYTES:
            return False
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"kind", "files", "schema_version"} <= content.keys()


def is_ours(folder: str) -> bool:
    """Whether the folder is a shard set or the output folder of a run, whose `work` holds the record of a run or stages."""
    return is_shard_set(folder) or any(name == "run.json" or _STAGE.fullmatch(name) for name in _names(os.path.join(folder, "work")))


def lies_in(path: str, folder: str | None) -> bool:
    """Whether `path` is `folder` or lies below it, after all links are resolved."""
    if folder is None:
        return False
    inner, outer = os.path.realpath(path), os.path.realpath(folder)
    return inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
