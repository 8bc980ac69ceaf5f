"""One way to read any part of any input, and the checks that can be made before a long run."""

import os
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from curate.errors import CurateError
from curate.read.batch import FileFault
from curate.read.files import InputFile
from curate.read.jsonl import first_columns, read_jsonl
from curate.read.tables import arrow_columns, csv_columns, parquet_columns, read_arrow, read_csv, read_parquet
from curate.read.tally import Tally
from curate.read.tasks import Part
from curate.read.text import read_html, read_lines, read_markdown, read_text
from curate.read.warc import read_warc

_READERS: dict[str, Callable[[Part], Iterator[pa.RecordBatch]]] = {
    "text": read_text,
    "lines": read_lines,
    "markdown": read_markdown,
    "html": read_html,
    "jsonl": read_jsonl,
    "csv": read_csv,
    "parquet": read_parquet,
    "arrow": read_arrow,
}


def read_part(part: Part, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of the part's raw documents (`batch.RAW`). Every record that the reader comes upon is counted in `tally`.

    Raises FileFault, after what could be read, if the file is broken or no longer the one that was listed, OSError if it cannot be opened.
    """
    _refuse_changed(part.file)
    tally = tally if tally is not None else Tally()
    if part.file.format == "warc":
        yield from read_warc(part, tally)
    else:
        for batch in _READERS[part.file.format](part):
            tally.seen += batch.num_rows
            yield batch
    _refuse_changed(part.file)


def _refuse_changed(file: InputFile) -> None:
    status = os.stat(file.path)
    if (status.st_size, status.st_mtime_ns) != (file.n_bytes, file.mtime_ns):
        raise FileFault("changed while the run was reading; run again when it is finished")


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
    if file.format == "arrow":
        return arrow_columns(file.path)
    return parquet_columns(file.path) if file.format == "parquet" else None
