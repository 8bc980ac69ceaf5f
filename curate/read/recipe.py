"""The input section of a recipe: where documents come from and how they are read."""

import codecs
import re
from pathlib import Path
from typing import Literal

from pydantic import field_validator, model_validator

from curate.extract.recipe import ExtractRecipe
from curate.read.file_names import file_name
from shards.amounts import Bytes
from shards.recipe import Recipe

FormatName = Literal["auto", "text", "lines", "markdown", "html", "jsonl", "json", "csv", "parquet", "arrow", "warc"]
"""`auto`, and the names in `curate.read.formats.FORMATS`."""


class InputRecipe(Recipe):
    """One source of documents. A path alone means the input with all defaults."""

    path: str
    """A file, a folder (read recursively), or a glob with `*`, `?`, `**`."""
    source: str = ""
    """Name of the source in documents, reports and mixes. Default: the file's or folder's name."""
    format: FormatName = "auto"
    """`auto` uses each file's extension; files that hold no text (images, archives, …) are skipped and counted.
    `text` reads a file as one document, `lines` each of its lines; `json` files hold an array or objects. Folders saved by Hugging Face `datasets` are
    read as `arrow` or `parquet`."""
    text_column: str = "text"
    """JSON, CSV, Parquet, Arrow: the column that holds the text."""
    url_column: str = "url"
    """JSON, CSV, Parquet, Arrow, Markdown's front matter: the column that holds the URL. Documents without it have an empty URL."""
    max_document_bytes: Bytes = 16 << 20
    """Longer documents are dropped (`read/too_long`), in bytes of text. A worker needs about twenty times the size of its largest document in memory."""
    encoding: str | None = None
    """Text, Markdown, JSON, CSV, HTML: Python's name of the encoding, e.g. `latin-1`, `gb18030`, `utf-16`. null: UTF-8, or what a byte order mark or
    the page declares."""
    extract: ExtractRecipe = ExtractRecipe()
    """HTML and web archives (WARC, WET, ARC): how pages become text."""
    license: str = ""
    """Licence of the source; recorded in the lineage, not interpreted."""

    @field_validator("path")
    @classmethod
    def _some_path(cls, value: str) -> str:
        if not value:
            raise ValueError("give a file, a folder or a pattern; `.` is the current folder")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        return None if value is None else encoding_name(value)

    @model_validator(mode="before")
    @classmethod
    def _name_source(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"path": value}
        if isinstance(value, dict) and isinstance(value.get("path"), str) and not value.get("source"):
            value = {**value, "source": source_name(value["path"])}
        return value


def encoding_name(name: str) -> str:
    """Python's canonical name of an encoding. Raises ValueError for an unknown encoding or one that is not for text."""
    try:
        codec = codecs.lookup(name)
        # Encodings of host names (idna, punycode) cannot continue after damaged bytes.
        if (
            not codec._is_text_encoding
            or codec.incrementaldecoder is None
            or codec.incrementaldecoder("backslashreplace").decode("a".encode(name), True) != "a"
        ):
            raise LookupError
    except (LookupError, UnicodeError, ValueError):
        raise ValueError("not a text encoding that Python knows; for example latin-1, cp1252, gb18030, shift_jis, utf-16") from None
    return codec.name


def source_name(path: str) -> str:
    """Name of a source: the last part of its path that has no wildcards, without extensions."""
    parts = [part for part in Path(path).parts if not any(char in part for char in "*?[/")]
    return file_name(re.sub(r"(\.[A-Za-z0-9]{1,8})+$", "", parts[-1])) if parts else "input"
