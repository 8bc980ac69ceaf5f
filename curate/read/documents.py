"""One way to read any part of any input, and the checks that can be made before a long run."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from curate.errors import CurateError
from curate.read.columns import csv_columns, parquet_columns, read_csv, read_parquet
from curate.read.files import InputFile
from curate.read.jsonl import first_columns, read_jsonl
from curate.read.tasks import Part
from curate.read.text import read_html, read_markdown, read_text
from curate.read.warc import read_warc

_READERS: dict[str, Callable[[Part], Iterator[pa.RecordBatch]]] = {
    "text": read_text,
    "markdown": read_markdown,
    "html": read_html,
    "jsonl": read_jsonl,
    "csv": read_csv,
    "parquet": read_parquet,
    "warc": read_warc,
}


def read_part(part: Part) -> Iterator[pa.RecordBatch]:
    """Batches of the part's raw documents (`batch.RAW`). Raises FileFault, after what could be read, if the file is broken."""
    return _READERS[part.file.format](part)


def check_columns(files: Sequence[InputFile]) -> None:
    """Look into the first table of each input for its text column. Raises CurateError that names the columns there are."""
    checked: set[int] = set()
    for file in files:
        columns = _columns(file) if id(file.input) not in checked else None
        if columns is None:
            continue
        checked.add(id(file.input))
        if file.input.text_column not in columns:
            raise CurateError(
                f"input {file.input.path}: {file.path} has no column {file.input.text_column!r}; it has: {', '.join(columns)}; set text_column in the recipe"
            )


def _columns(file: InputFile) -> list[str] | None:
    if file.format == "jsonl":
        return first_columns(file.path)
    if file.format == "csv":
        return csv_columns(file.path, file.name)
    return parquet_columns(file.path) if file.format == "parquet" else None
