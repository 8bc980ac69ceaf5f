"""The formats that inputs may have: one entry each, read by everything that depends on the format of a file."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from curate.read.archive.warc import read_warc
from curate.read.content.decompress import COMPRESSIONS
from curate.read.json.jsonl import json_columns, read_json, read_jsonl
from curate.read.part import FilePart, InputFile, Tally
from curate.read.table.arrow import arrow_columns, arrow_groups, read_arrow
from curate.read.table.csv import csv_columns, read_csv
from curate.read.table.parquet import parquet_columns, parquet_groups, read_parquet
from curate.read.text import read_html, read_lines, read_markdown, read_text

Reader = Callable[[FilePart, Tally], Iterator[pa.RecordBatch]]
"""Yields batches of `batch.RAW`. Raises FileFault, after the last readable record, if the file is damaged."""


@dataclass(frozen=True)
class Format:
    """How files of one format are recognised, read and cut into tasks."""

    read: Reader
    document: str
    """What becomes a document, for the reference."""
    suffixes: tuple[str, ...] = ()
    """Extensions by which `format: auto` recognises the format, in lower case. Files with other extensions are read as `text`."""
    keys: tuple[str, ...] = ()
    """Keys of an input that have an effect in some formats only, and have one in this format."""
    columns: Callable[[InputFile], list[str] | None] | None = None
    """Tables: the names of a file's columns, None if it has none. May raise anything for a damaged file."""
    is_striped: bool = False
    """Whether a large file is cut at decompressed bytes, see `part.FilePart`."""
    groups: Callable[[InputFile], list[tuple[int, int]] | None] | None = None
    """If a large file is cut between row groups: rows and bytes on disk of each, None for a file that cannot be opened."""


def _counted(read: Callable[[FilePart], Iterator[pa.RecordBatch]]) -> Reader:
    """A reader that yields every record it meets, so the tally is its number of rows."""

    def read_and_count(part: FilePart, tally: Tally) -> Iterator[pa.RecordBatch]:
        for batch in read(part):
            tally.seen += batch.num_rows
            yield batch

    return read_and_count


_TABLE = ("text_column", "url_column")
_ENCODED_TABLE = (*_TABLE, "encoding")

FORMATS: dict[str, Format] = {
    "text": Format(_counted(read_text), "the file", keys=("encoding",)),
    "lines": Format(_counted(read_lines), "a line", keys=("encoding",), is_striped=True),
    "markdown": Format(_counted(read_markdown), "the file; its front matter becomes metadata", (".md", ".markdown", ".mdx"), ("url_column", "encoding")),
    "html": Format(_counted(read_html), "the main content of the page", (".html", ".htm", ".xhtml"), ("encoding", "extract")),
    "jsonl": Format(
        _counted(read_jsonl), "an object on a line of its own", (".jsonl", ".jsonlines", ".jl", ".ndjson"), _ENCODED_TABLE, json_columns, is_striped=True
    ),
    "json": Format(_counted(read_json), "an entry of the array, or an object; objects may span lines or share one", (".json",), _ENCODED_TABLE, json_columns),
    "csv": Format(_counted(read_csv), "a row; the first line names the columns", (".csv", ".tsv"), _ENCODED_TABLE, csv_columns),
    "parquet": Format(_counted(read_parquet), "a row", (".parquet",), _TABLE, parquet_columns, groups=parquet_groups),
    "arrow": Format(
        _counted(read_arrow),
        "a row of a file or stream, also as Hugging Face `datasets` saves it",
        (".arrow", ".feather"),
        _TABLE,
        arrow_columns,
        groups=arrow_groups,
    ),
    "warc": Format(read_warc, "a page of a web archive (WARC, ARC), or its text (WET)", (".warc", ".wet", ".arc"), ("extract",), is_striped=True),
}
"""All formats by name. `recipe.FormatName` lists the same names for the type checker."""

_BY_SUFFIX = {suffix: name for name, kind in FORMATS.items() for suffix in kind.suffixes}

_IMAGES = ".avif .bmp .eps .gif .heic .ico .jpeg .jpg .png .psd .svg .tif .tiff .webp"
_SOUND_AND_VIDEO = ".avi .flac .m4a .mkv .mov .mp3 .mp4 .ogg .wav .webm"
_ARCHIVES = ".7z .cdx .jar .lz4 .rar .tar .tgz .whl .zip"
_OFFICE = ".doc .docx .epub .odt .pdf .ppt .pptx .xls .xlsx"
_PROGRAMS_AND_FONTS = ".a .bin .class .dll .dylib .eot .exe .mo .o .otf .pyc .pyd .pyo .so .ttf .wasm .woff .woff2"
_DATA = ".h5 .lock .npy .npz .pickle .pkl .pt .safetensors .sqlite .wat"
NO_TEXT = frozenset(" ".join((_IMAGES, _SOUND_AND_VIDEO, _ARCHIVES, _OFFICE, _PROGRAMS_AND_FONTS, _DATA)).split()) - _BY_SUFFIX.keys()
"""Extensions of files without running text. A file with any other extension is read as text, so an unknown format shows up in the report (as text or as
`unreadable`) instead of vanishing."""


def format_of(name: str) -> str | None:
    """The format that a file name's extension stands for; None for files without text."""
    extension = _extension(name)
    if extension in COMPRESSIONS or extension in NO_TEXT:  # a compression's extension is left only if there is no other
        return None
    return _BY_SUFFIX.get(extension, "text")


def shows_format(name: str) -> bool:
    """Whether a format has the extension of the file name."""
    return _extension(name) in _BY_SUFFIX


def _extension(name: str) -> str:
    """In lower case; a compression's extension only if there is no other."""
    stem, extension = os.path.splitext(name.lower())
    return (os.path.splitext(stem)[1] or extension) if extension in COMPRESSIONS else extension
