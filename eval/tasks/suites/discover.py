"""Which files of a folder hold a split of a data set, whatever layout it was downloaded in."""

import re
from collections.abc import Sequence
from pathlib import Path

from eval.errors import EvalError
from eval.tasks.suites.files import suffix_of

ROWS = (".jsonl", ".json", ".parquet", ".arrow")
"""Files with named columns. If a folder has copies in several formats, the first in this order is read."""
_METADATA = {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}  # written by the library datasets beside the data
SPLITS = {
    "test": ("test",),
    "validation": ("validation", "valid", "val", "dev"),
    "train": ("train",),
    "dev": ("dev",),
}
"""Words in names of files and folders that name a split."""


def split_files(path: Path, splits: Sequence[str], *, suffixes: Sequence[str] = ROWS, pattern: str = "", other_splits: bool = True) -> list[Path]:
    """Files of the first of `splits` that is there, sorted by path; [] if there is none.

    `path` itself, if it is a file. Of a folder, only files whose relative path matches the regular expression `pattern`, if any does, and of these
    those of the first suffix that is there. Files whose paths name no split are taken if no path names one, unless `other_splits` is false.
    """
    if path.is_file():
        return [path]
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and suffix_of(file) in suffixes and file.name not in _METADATA]
    matching = [file for file in files if re.search(pattern, file.relative_to(path).as_posix(), re.IGNORECASE)]
    files = matching or files
    for split in splits:
        named = [file for file in files if _words(path, file) & set(SPLITS[split])]
        if named:
            return _of_one_format(named, suffixes)
    unnamed = not any(_words(path, file) & {word for words in SPLITS.values() for word in words} for file in files)
    return _of_one_format(files, suffixes) if unnamed and other_splits else []


def require_folder(path: Path, suite: str, get: str) -> None:
    """Raise EvalError, which says how to get the suite's files, if there is nothing at `path`."""
    if not path.exists():
        raise EvalError(f"suite {suite}: nothing at {path}; to get its files: {get}")


def _words(root: Path, file: Path) -> set[str]:
    """Lower-case words of the file's name, and of its folders below `root`."""
    return set(re.split(r"[^a-z]+", file.relative_to(root).as_posix().lower()))


def _of_one_format(files: Sequence[Path], suffixes: Sequence[str]) -> list[Path]:
    for suffix in suffixes:
        chosen = [file for file in files if suffix_of(file) == suffix]
        if chosen:
            return chosen
    return []
