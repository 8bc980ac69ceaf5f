"""Which files an input holds, and in which format. The order is that of their names, whatever the file system says."""

import glob
import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from curate.errors import CurateError
from curate.read.content.encodings import utf8_chunks
from curate.read.file_names import columns_told, file_name, os_problem
from curate.read.json.flatten import first_keys
from curate.read.ours import is_ours, lies_in
from curate.read.recipe import InputRecipe
from curate.read.walk import Found, Walk, kind_of

COMPRESSIONS = (".gz", ".zst", ".bz2", ".xz")

FORMATS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdx": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".jsonl": "jsonl",
    ".jsonlines": "jsonl",
    ".jl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".warc": "warc",
    ".wet": "warc",
    ".arc": "warc",
}

# Files that hold no running text. Everything else is read as text, so that an unknown format shows up in the report
# (as text or as `unreadable`) instead of vanishing.
_IMAGES = ".avif .bmp .eps .gif .heic .ico .jpeg .jpg .png .psd .svg .tif .tiff .webp"
_SOUND_AND_VIDEO = ".avi .flac .m4a .mkv .mov .mp3 .mp4 .ogg .wav .webm"
_ARCHIVES = ".7z .cdx .jar .lz4 .rar .tar .tgz .whl .zip"
_OFFICE = ".doc .docx .epub .odt .pdf .ppt .pptx .xls .xlsx"
_PROGRAMS_AND_FONTS = ".a .bin .class .dll .dylib .eot .exe .mo .o .otf .pyc .pyd .pyo .so .ttf .wasm .woff .woff2"
_DATA = ".h5 .lock .npy .npz .pickle .pkl .pt .safetensors .sqlite .wat"
NO_TEXT = frozenset(" ".join((_IMAGES, _SOUND_AND_VIDEO, _ARCHIVES, _OFFICE, _PROGRAMS_AND_FONTS, _DATA)).split())


@dataclass(frozen=True)
class InputFile:
    """One file to read; `n_bytes` and `mtime_ns` say whether it has changed.

    `name` is its path relative to the input's, as `names.file_name` writes it; with several inputs, after the source's name, so that it tells one file
    in a run. `problem` says why it cannot be read, where that showed when files were listed.
    """

    path: str
    name: str
    format: str
    input: InputRecipe
    n_bytes: int
    mtime_ns: int
    problem: str = ""

    @property
    def separator(self) -> str:
        """What stands between the columns of a CSV file: a tab if it is named TSV, else a comma."""
        return "\t" if ".tsv" in os.path.basename(self.name).lower() else ","


def list_files(inputs: Sequence[InputRecipe], out: Path | None = None) -> tuple[list[InputFile], Counter[str]]:
    """All files of all inputs, in order, and how much was passed over, by extension or kind.

    Hidden files and folders (names that start with a dot) are left out, and of `out`, of runs and of shard sets below an input nothing is read. Raises
    CurateError for an input that does not exist, is remote, holds nothing to read, or is where the run writes. Files of several inputs are warned of.
    """
    files: list[InputFile] = []
    passed_over: Counter[str] = Counter()
    for recipe in inputs:
        found = _files_of(recipe, out, passed_over)
        if not found:
            raise CurateError(_nothing_in(recipe, passed_over))
        files += found
    if len(inputs) > 1:
        files = [replace(file, name=f"{file_name(file.input.source)}/{file.name}") for file in files]
        _refuse_twins(files)
        _warn_of_overlaps(files)
    return files, passed_over


def format_of(name: str) -> str | None:
    """The format that a file name's extension tells; None for files that hold no text."""
    extension = _extension(name)
    if extension in COMPRESSIONS:  # and nothing before it
        return None
    return None if extension in NO_TEXT else FORMATS.get(extension, "text")


def _extension(name: str) -> str:
    """In small letters, without that of a compression, unless there is no other."""
    stem, extension = os.path.splitext(name.lower())
    return (os.path.splitext(stem)[1] or extension) if extension in COMPRESSIONS else extension


def _tells_format(path: str) -> bool:
    return _extension(path) in FORMATS


def _files_of(recipe: InputRecipe, out: Path | None, passed_over: Counter[str]) -> list[InputFile]:
    files = []
    other_json: list[tuple[str, list[str]]] = []
    for found, name in _found(recipe, out, passed_over):
        file_format = format_of(name) if recipe.format == "auto" else recipe.format
        if file_format is None:
            passed_over[file_name("".join(Path(name).suffixes[-2:]).lower())] += 1
            continue
        keys = _keys_without_text(found, recipe) if file_format == "json" and recipe.format == "auto" else None
        if keys is not None:
            other_json.append((found.path, keys))
            continue
        files.append(InputFile(found.path, file_name(name), file_format, recipe, found.n_bytes, found.mtime_ns, found.problem))
    if other_json and not files:
        path, keys = other_json[0]
        raise CurateError(f"input {recipe.path}: {file_name(path)} has no column {recipe.text_column!r}; {columns_told(keys)}; set text_column in the recipe")
    if other_json:
        passed_over[f".json without {recipe.text_column!r}"] += len(other_json)
    return files


def _keys_without_text(found: Found, recipe: InputRecipe) -> list[str] | None:
    """Keys of a .json file whose entries have no text: settings and the like, of which folders are full. None for one to be read."""
    try:
        keys = None if found.problem else first_keys(utf8_chunks(found.path, recipe.encoding))
    except OSError:
        return None
    return None if keys is None or recipe.text_column in keys else keys


def _found(recipe: InputRecipe, out: Path | None, passed_over: Counter[str]) -> list[tuple[Found, str]]:
    """Every file with its path relative to the input's, in the order of these."""
    _refuse_remote(recipe.path)
    root = os.path.normpath(recipe.path)
    if os.path.isdir(root):
        _refuse_our_own(recipe, out)
        walk = Walk(lambda folder: out is not None and lies_in(folder, str(out)), _tells_format)
        found = walk.below(root)
        passed_over.update(walk.passed_over)
    elif os.path.lexists(root):
        kind = kind_of(os.stat(root).st_mode) if os.path.exists(root) else "a link that leads nowhere"
        if kind is not None:
            raise CurateError(f"input {recipe.path}: this is {kind}; only files and folders can be read")
        found, root = [_stat(root)], os.path.dirname(root)
    else:
        found = [_stat(match) for match in _matches(recipe.path, out, passed_over)]
        root = os.path.commonpath([os.path.dirname(one.path) for one in found]) if found else ""
    return sorted(((one, os.path.relpath(one.path, root) if root else one.path) for one in found), key=lambda pair: pair[1])


def _matches(pattern: str, out: Path | None, passed_over: Counter[str]) -> list[str]:
    """Files that a glob matches, each once; below `**` without what is ours."""
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
    """Whether a folder that the pattern does not name is one of ours."""
    named = os.path.normpath(re.split(r"[^/]*[*?\[]", pattern, maxsplit=1)[0] or ".")
    folder = os.path.dirname(os.path.normpath(match))
    while folder not in (named, "", os.sep):
        if is_ours(folder):
            return True
        folder = os.path.dirname(folder)
    return False


def _stat(path: str) -> Found:
    try:
        status = os.stat(path)
    except OSError as error:
        return Found(path, problem=f"cannot be read ({os_problem(error)})")
    return Found(path, status.st_size, status.st_mtime_ns)


def _refuse_our_own(recipe: InputRecipe, out: Path | None) -> None:
    if out is not None and lies_in(recipe.path, str(out)) and lies_in(str(out), recipe.path):
        raise CurateError(f"input {recipe.path}: the run writes there too; give another output folder, for example {recipe.path.rstrip('/')}/out")
    if os.path.exists(os.path.join(recipe.path, "work", "run.json")):
        raise CurateError(f"input {recipe.path}: this is the output folder of a run; its documents are in {os.path.join(recipe.path, 'documents')}")


_ADVICE = {
    "file": "write the path alone, {path}",
    "http": "download it first",
    "https": "download it first",
    "hf": "download it first (`hf download --repo-type dataset`) and give that folder",
}


def _refuse_remote(path: str) -> None:
    """Addresses look like paths that do not exist; only those are told what to do."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", path)
    if scheme and not os.path.lexists(path):
        advice = _ADVICE.get(scheme[1].lower(), "copy it to a local folder first").format(path=urlsplit(path).path)
        raise CurateError(f"input {path}: only local files and folders can be read; {advice}")


def _refuse_twins(files: list[InputFile]) -> None:
    paths: dict[str, str] = {}
    for file in files:
        if file.name in paths:
            here, other = file_name(file.path), file_name(paths[file.name])
            raise CurateError(f"inputs: {other} and {here} would both be called {file.name}; give the two inputs different `source` names")
        paths[file.name] = file.path


def _warn_of_overlaps(files: list[InputFile]) -> None:
    """Say which inputs hold the same files. They are read for each of them, since inputs may read other columns of a table; but few mean that."""
    first_input: dict[tuple[int, int], InputFile] = {}
    shared: dict[tuple[str, str], list[str]] = {}
    for file in files:
        if file.problem:
            continue
        try:
            status = os.stat(file.path)
        except OSError:  # its task says so
            continue
        other = first_input.setdefault((status.st_dev, status.st_ino), file)
        if other.input is not file.input:
            shared.setdefault((other.input.path, file.input.path), []).append(file.path)
    for (first, second), paths in shared.items():
        what = f"{file_name(paths[0])} is" if len(paths) == 1 else f"{file_name(paths[0])} and {len(paths) - 1:,} more files are"
        logging.warning("inputs %s and %s overlap: %s read once for each; narrow one of the two paths, unless you mean that", first, second, what)


def _nothing_in(recipe: InputRecipe, passed_over: Counter[str]) -> str:
    if not os.path.exists(recipe.path) and not passed_over:
        return f"input {recipe.path}: no such file or folder, and no file matches it as a pattern; paths are relative to the current directory"
    reason = f"nothing that holds text ({_by_count(passed_over)}); set `format` to read files whatever their extension" if passed_over else "no files"
    return f"input {recipe.path}: {reason}"


def _by_count(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name or 'without extension'}" for name, count in sorted(counts.items()))
