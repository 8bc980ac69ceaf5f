"""Which files an input holds, and in which format. Files are sorted by name, whatever order the file system lists them in."""

import glob
import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from curate.errors import CurateError
from curate.read.file_names import file_name, os_problem
from curate.read.formats import format_of, shows_format
from curate.read.json.jsonl import json_columns
from curate.read.part import InputFile
from curate.read.recipe import InputRecipe
from curate.read.table.columns import shown_columns
from curate.read.walk import FoundFile, Walk, is_ours, kind_of, lies_in


def list_files(inputs: Sequence[InputRecipe], out: Path | None = None) -> tuple[list[InputFile], Counter[str]]:
    """All files of all inputs, in order, and how many others were passed over, by extension or kind.

    Hidden files and folders (names that start with a dot) are left out, and so are `out` and the folders of runs and shard sets below an input. Raises
    CurateError for an input that does not exist, is remote, holds nothing to read, or is the run's output folder. Logs a warning if inputs share files.
    """
    files: list[InputFile] = []
    passed_over: Counter[str] = Counter()
    for recipe in inputs:
        files_of_input = _files_of(recipe, out, passed_over)
        if not files_of_input:
            raise CurateError(_nothing_in(recipe, passed_over))
        files += files_of_input
    if len(inputs) > 1:
        files = [replace(file, name=f"{file_name(file.input.source)}/{file.name}") for file in files]
        _refuse_equal_names(files)
        _warn_of_overlaps(files)
    return files, passed_over


def _files_of(recipe: InputRecipe, out: Path | None, passed_over: Counter[str]) -> list[InputFile]:
    files = []
    other_json: list[tuple[str, list[str]]] = []
    for found, name in _found_files(recipe, out, passed_over):
        file_format = format_of(name) if recipe.format == "auto" else recipe.format
        if file_format is None:
            passed_over[file_name("".join(Path(name).suffixes[-2:]).lower())] += 1
            continue
        file = InputFile(found.path, file_name(name), file_format, recipe, found.n_bytes, found.mtime_ns, found.problem)
        keys = _keys_without_text(file) if file_format == "json" and recipe.format == "auto" else None
        if keys is None:
            files.append(file)
        else:
            other_json.append((found.path, keys))
    if other_json and not files:
        path, keys = other_json[0]
        raise CurateError(f"input {recipe.path}: {file_name(path)} has no column {recipe.text_column!r}; {shown_columns(keys)}; set text_column in the recipe")
    if other_json:
        passed_over[f".json without {recipe.text_column!r}"] += len(other_json)
    return files


def _keys_without_text(file: InputFile) -> list[str] | None:
    """Keys of a .json file whose entries have no text, such as settings, which many folders hold. None for a file to read."""
    try:
        keys = None if file.problem else json_columns(file)
    except OSError:
        return None
    return None if keys is None or file.input.text_column in keys else keys


def _found_files(recipe: InputRecipe, out: Path | None, passed_over: Counter[str]) -> list[tuple[FoundFile, str]]:
    """Every file with its path relative to the input's, sorted by that path."""
    _refuse_remote(recipe.path)
    root = os.path.normpath(recipe.path)
    if os.path.isdir(root):
        _refuse_our_own(recipe, out)
        walk = Walk(lambda folder: out is not None and lies_in(folder, str(out)), shows_format)
        files = walk.below(root)
        passed_over.update(walk.passed_over)
    elif os.path.lexists(root):
        kind = kind_of(os.stat(root).st_mode) if os.path.exists(root) else "a broken link"
        if kind is not None:
            raise CurateError(f"input {recipe.path}: this is {kind}; only files and folders can be read")
        files, root = [_stat(root)], os.path.dirname(root)
    else:
        files = [_stat(match) for match in _matches(recipe.path, out, passed_over)]
        root = os.path.commonpath([os.path.dirname(file.path) for file in files]) if files else ""
    return sorted(((file, os.path.relpath(file.path, root) if root else file.path) for file in files), key=lambda pair: pair[1])


def _matches(pattern: str, out: Path | None, passed_over: Counter[str]) -> list[str]:
    """Files that a glob matches, each once; those below `**` without the folders of our runs and shard sets."""
    by_file: dict[str, str] = {}
    for match in sorted(glob.glob(pattern, recursive=True)):
        if not os.path.isfile(match):
            continue
        if (out is not None and lies_in(match, str(out))) or ("**" in pattern and _is_below_ours(pattern, match)):
            passed_over["file of a run or shard set"] += 1
        elif by_file.setdefault(os.path.realpath(match), match) != match:
            passed_over["link to a file that is read anyway"] += 1
    return list(by_file.values())


def _is_below_ours(pattern: str, match: str) -> bool:
    """Whether the match lies in a folder of a run or shard set that the pattern does not name itself."""
    named = os.path.normpath(re.split(r"[^/]*[*?\[]", pattern, maxsplit=1)[0] or ".")
    folder = os.path.dirname(os.path.normpath(match))
    while folder not in (named, "", os.sep):
        if is_ours(folder):
            return True
        folder = os.path.dirname(folder)
    return False


def _stat(path: str) -> FoundFile:
    try:
        status = os.stat(path)
    except OSError as error:
        return FoundFile(path, problem=f"cannot be read ({os_problem(error)})")
    return FoundFile(path, status.st_size, status.st_mtime_ns)


def _refuse_our_own(recipe: InputRecipe, out: Path | None) -> None:
    if out is not None and lies_in(recipe.path, str(out)) and lies_in(str(out), recipe.path):
        raise CurateError(f"input {recipe.path}: the run writes there too; give another output folder, for example {recipe.path.rstrip('/')}/out")
    if os.path.exists(os.path.join(recipe.path, "work", "run.json")):
        raise CurateError(f"input {recipe.path}: this is the output folder of a run; its documents are in {os.path.join(recipe.path, 'documents')}")


_ADVICE = {
    "file": "write the path alone, {path}",
    "http": "download it first",
    "https": "download it first",
    "hf": "download it first (`hf download --repo-type dataset`) and give its folder",
}


def _refuse_remote(path: str) -> None:
    """Raise CurateError with advice for an address such as `s3://…`, unless a local path of that name exists."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", path)
    if scheme and not os.path.lexists(path):
        advice = _ADVICE.get(scheme[1].lower(), "copy it to a local folder first").format(path=urlsplit(path).path)
        raise CurateError(f"input {path}: only local files and folders can be read; {advice}")


def _refuse_equal_names(files: list[InputFile]) -> None:
    paths: dict[str, str] = {}
    for file in files:
        if file.name in paths:
            first, second = file_name(paths[file.name]), file_name(file.path)
            raise CurateError(f"inputs: {first} and {second} would both be called {file.name}; give the two inputs different `source` names")
        paths[file.name] = file.path


def _warn_of_overlaps(files: list[InputFile]) -> None:
    """Warn if inputs share files, which is rarely intended. Shared files are read once for each input, since inputs may read other columns of a table."""
    first_input: dict[tuple[int, int], InputFile] = {}
    shared: dict[tuple[str, str], list[str]] = {}
    for file in files:
        if file.problem:
            continue
        try:
            status = os.stat(file.path)
        except OSError:  # its task reports it
            continue
        other = first_input.setdefault((status.st_dev, status.st_ino), file)
        if other.input is not file.input:
            shared.setdefault((other.input.path, file.input.path), []).append(file.path)
    for (first, second), paths in shared.items():
        what = f"{file_name(paths[0])} is" if len(paths) == 1 else f"{file_name(paths[0])} and {len(paths) - 1:,} more files are"
        logging.warning("inputs %s and %s overlap: %s read once for each; narrow one of the two paths unless this is intended", first, second, what)


def _nothing_in(recipe: InputRecipe, passed_over: Counter[str]) -> str:
    if not os.path.exists(recipe.path) and not passed_over:
        return f"input {recipe.path}: no such file or folder, and no file matches it as a pattern; paths are relative to the current directory"
    reason = f"nothing that holds text ({_by_count(passed_over)}); set `format` to read files whatever their extension" if passed_over else "no files"
    return f"input {recipe.path}: {reason}"


def _by_count(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name or 'without extension'}" for name, count in sorted(counts.items()))
