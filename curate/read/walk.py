"""All files below a folder, each once, whatever links lead there; nothing that can't be read is passed over in silence."""

import os
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from curate.read.file_names import os_problem
from curate.read.ours import is_ours, is_shard_set
from shards.manifest import MANIFEST_NAME

_KINDS = {
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


@dataclass(frozen=True)
class Found:
    """A file, or with a `problem` what should have been one: a link that leads nowhere, a folder that cannot be listed."""

    path: str
    n_bytes: int = 0
    mtime_ns: int = 0
    problem: str = ""


class Walk:
    """Files below folders, in the order in which they were met.

    Names that begin with a dot are left out. Folders of shard sets and runs of ours, and those for which `is_excluded`, are passed over; a set that the
    walk begins in is read without its manifest. What is no file, or is a link to what is read anyway, is counted in `passed_over`, by kind.
    A file with several names is read by its own name, not a link's, unless only a link's name `tells` the format.
    """

    def __init__(self, is_excluded: Callable[[str], bool], tells: Callable[[str], bool]) -> None:
        self.passed_over: Counter[str] = Counter()
        self._is_excluded = is_excluded
        self._tells = tells
        self._folders: set[tuple[int, int]] = set()
        self._files: dict[tuple[int, int] | str, Found] = {}
        self._links: list[str] = []

    def below(self, root: str) -> list[Found]:
        """Everything below `root`. Real folders come before links, and links in the order of their names, so the same tree gives the same files."""
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
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self._files[folder] = Found(folder, problem=f"cannot be listed ({os_problem(error)})")
                continue
            own_manifest = MANIFEST_NAME if is_root and is_shard_set(folder) else None
            is_root = False
            if (status.st_dev, status.st_ino) in self._folders:  # below a link that leads up
                continue
            self._folders.add((status.st_dev, status.st_ino))
            below = [path for entry in found if not entry.name.startswith(".") and entry.name != own_manifest for path in self._take(entry)]
            waiting += reversed(below)

    def _take(self, entry: os.DirEntry[str]) -> list[str]:
        """Note a folder's entry → itself if it is a folder to enter."""
        try:
            if entry.is_symlink():
                self._links.append(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                return [entry.path]
            else:
                self._add(entry.path, entry.stat(follow_symlinks=False), is_link=False)
        except OSError as error:
            self._files[entry.path] = Found(entry.path, problem=f"cannot be read ({os_problem(error)})")
        return []

    def _follow(self, link: str) -> None:
        try:
            status = os.stat(link)
        except OSError as error:
            self._files[link] = Found(link, problem=f"a link that leads nowhere ({os_problem(error)})")
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
        found = Found(path, status.st_size, status.st_mtime_ns)
        key: tuple[int, int] | str = (status.st_dev, status.st_ino)
        other = self._files.get(key)
        if other is not None and os.path.realpath(other.path) != os.path.realpath(path):  # a hard link is a file of its own
            key = os.path.realpath(path)
            other = self._files.get(key)
        if other is not None:
            self.passed_over["link to a file that is read anyway"] += 1
        if other is None or (is_link and self._tells(path) and not self._tells(other.path)):
            self._files[key] = found


def kind_of(mode: int) -> str | None:
    """What a directory entry is that is neither a file nor a folder, e.g. "a pipe"; None for files and folders."""
    return next((kind for test, kind in _KINDS.items() if test(mode)), None)
