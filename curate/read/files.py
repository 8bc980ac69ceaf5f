"""Which files an input holds, and in which format. The order is that of their names, whatever the file system says."""

import glob
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from curate.errors import CurateError
from curate.recipe import InputRecipe

COMPRESSIONS = (".gz", ".zst", ".bz2", ".xz")

_FORMATS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdx": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
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
_DATA = ".h5 .json .lock .npy .npz .pickle .pkl .pt .safetensors .sqlite .wat"
_NO_TEXT = frozenset(" ".join((_IMAGES, _SOUND_AND_VIDEO, _ARCHIVES, _OFFICE, _PROGRAMS_AND_FONTS, _DATA)).split())


@dataclass(frozen=True)
class InputFile:
    """One file to read; `n_bytes` and `mtime_ns` say whether it has changed.

    `name` is its path relative to the input's; with several inputs, after the source's name, so that it tells one file in a run.
    """

    path: str
    name: str
    format: str
    input: InputRecipe
    n_bytes: int
    mtime_ns: int


def list_files(inputs: tuple[InputRecipe, ...]) -> tuple[list[InputFile], Counter[str]]:
    """All files of all inputs, in order, and how many were skipped under `format: auto`, by extension.

    Hidden files and folders (names that start with a dot) are left out. Raises CurateError for an input that does not
    exist or holds nothing to read.
    """
    files: list[InputFile] = []
    skipped: Counter[str] = Counter()
    for recipe in inputs:
        found = _files_of(recipe, skipped)
        if not found:
            raise CurateError(_nothing_in(recipe, skipped))
        files += found
    if len(inputs) > 1:
        files = [replace(file, name=f"{file.input.source}/{file.name}") for file in files]
        _refuse_twins(files)
    return files, skipped


def format_of(name: str) -> str | None:
    """The format that a file name's extension tells; None for files that hold no text."""
    stem, extension = os.path.splitext(name.lower())
    if extension in COMPRESSIONS:
        extension = os.path.splitext(stem)[1]
        if not extension:
            return None
    return None if extension in _NO_TEXT else _FORMATS.get(extension, "text")


def _files_of(recipe: InputRecipe, skipped: Counter[str]) -> list[InputFile]:
    found = []
    for path, name in _paths(recipe):
        file_format = format_of(name) if recipe.format == "auto" else recipe.format
        if file_format is None:
            skipped["".join(Path(name).suffixes[-2:]).lower()] += 1
            continue
        status = os.stat(path)
        found.append(InputFile(path, name, file_format, recipe, status.st_size, status.st_mtime_ns))
    return found


def _paths(recipe: InputRecipe) -> list[tuple[str, str]]:
    """Every file's path and name, in the order of names."""
    root = os.path.normpath(recipe.path)
    if os.path.isfile(root):
        return [(root, os.path.basename(root))]
    if os.path.isdir(root):
        found = _walk(root)
    else:
        found = [match for match in glob.glob(recipe.path, recursive=True) if os.path.isfile(match)]
        root = os.path.commonpath([os.path.dirname(match) for match in found]) if found else ""
    return sorted(((path, os.path.relpath(path, root) if root else path) for path in found), key=lambda pair: pair[1])


def _refuse_twins(files: list[InputFile]) -> None:
    paths: dict[str, str] = {}
    for file in files:
        if file.name in paths:
            raise CurateError(f"inputs: {paths[file.name]} and {file.path} would both be called {file.name}; give the two inputs different `source` names")
        paths[file.name] = file.path


def _walk(root: str) -> list[str]:
    paths = []
    for folder, subfolders, names in os.walk(root, followlinks=True):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        paths += [path for path in (os.path.join(folder, name) for name in names if not name.startswith(".")) if os.path.isfile(path)]
    return paths


def _nothing_in(recipe: InputRecipe, skipped: Counter[str]) -> str:
    if not Path(recipe.path).exists():
        return f"input {recipe.path}: no such file or folder, and no file matches it as a pattern; paths are relative to the current directory"
    reason = f"only files that hold no text ({_by_count(skipped)}); set `format` to read them anyway" if skipped else "no files"
    return f"input {recipe.path}: {reason}"


def _by_count(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name or 'without extension'}" for name, count in sorted(counts.items()))
