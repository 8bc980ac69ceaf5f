"""One way to read any part of any input, and the checks that can be made before a long run."""

import os
from collections.abc import Callable, Iterator, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError
from curate.read.archive.warc import read_warc
from curate.read.batch import NOT_UTF8, RAW, TOO_LONG_RULE, FileFault, too_long
from curate.read.content.encodings import encoding_hint, utf8_chunks
from curate.read.file_names import columns_told, file_name, os_problem, separator_told
from curate.read.files import InputFile
from curate.read.json.flatten import first_keys
from curate.read.json.jsonl import read_json, read_jsonl
from curate.read.recipe import InputRecipe
from curate.read.table.csv import arrow_columns, csv_columns, parquet_columns, read_arrow, read_csv, read_parquet
from curate.read.tally import Tally
from curate.read.tasks import Part
from curate.read.text import read_html, read_lines, read_markdown, read_text

_READERS: dict[str, Callable[[Part], Iterator[pa.RecordBatch]]] = {
    "text": read_text,
    "lines": read_lines,
    "markdown": read_markdown,
    "html": read_html,
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "parquet": read_parquet,
    "arrow": read_arrow,
}
_TABLES = ("jsonl", "json", "csv", "parquet", "arrow")
FORMAT_KEYS = {
    "text_column": _TABLES,
    "url_column": (*_TABLES, "markdown"),
    "encoding": ("text", "lines", "markdown", "html", "jsonl", "json", "csv"),
    "extract": ("html", "warc"),
}
"""Keys of an input that mean something in some formats only."""


def read_part(part: Part, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of the part's raw documents (`batch.RAW`). Every record that the reader comes upon is counted in `tally`.

    Raises FileFault, after what could be read, if the file is broken, no longer the one that was listed, or cannot be opened. Whatever else a reader
    raises over a file's content is a fault of the file too: no input ends a run.
    """
    file = part.file
    if file.problem:
        raise FileFault(file.problem)
    try:
        _refuse_changed(file)
        hint: str | None = None
        for batch in _batches(part, tally if tally is not None else Tally()):
            if batch["problem"].null_count < batch.num_rows:
                hint = _hint(file) if hint is None else hint
                batch = _with_hint(batch, file.input, hint)
            yield _capped(batch, file.input.max_document_bytes)
        _refuse_changed(file)
    except (CurateError, ImportError):
        raise
    except OSError as error:
        raise FileFault(os_problem(error)) from None
    except MemoryError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        raise FileFault(f"cannot be read ({type(error).__name__}: {file_name(str(error).split(chr(10))[0])})") from error


def _batches(part: Part, tally: Tally) -> Iterator[pa.RecordBatch]:
    if part.file.format == "warc":
        yield from read_warc(part, tally)
        return
    for batch in _READERS[part.file.format](part):
        tally.seen += batch.num_rows
        yield batch


def _capped(batch: pa.RecordBatch, limit: int) -> pa.RecordBatch:
    """The batch without texts of more than `limit` bytes; a verdict says how many they had."""
    if batch["text"].nbytes <= limit:
        return batch
    sizes = pc.fill_null(pc.binary_length(batch["text"]), 0)
    is_long = pc.greater(sizes, limit)
    if not pc.any(is_long).as_py():
        return batch
    said = pa.array([too_long(limit, n) if n > limit else None for n in sizes.to_pylist()], pa.string())
    columns = {name: batch[name] for name in batch.schema.names}
    columns["text"] = pc.if_else(is_long, pa.scalar(None, pa.large_string()), batch["text"])
    columns["problem"] = pc.if_else(is_long, said, batch["problem"])
    columns["rule"] = pc.if_else(is_long, TOO_LONG_RULE, batch["rule"])
    return pa.record_batch(list(columns.values()), schema=RAW)


def _hint(file: InputFile) -> str:
    try:
        return "" if file.input.encoding or file.format not in FORMAT_KEYS["encoding"] else encoding_hint(file.path)
    except FileFault:
        return ""


def _with_hint(batch: pa.RecordBatch, recipe: InputRecipe, hint: str) -> pa.RecordBatch:
    """Problems with UTF-8 in words that help: what the encoding may be, or that the given one is not it."""
    problem = batch["problem"]
    said = pc.binary_join_element_wise(problem, hint, "") if recipe.encoding is None else f"bytes that are not {recipe.encoding}"
    told = pc.if_else(pc.fill_null(pc.starts_with(problem, NOT_UTF8), False), said, problem)
    return batch.set_column(batch.schema.get_field_index("problem"), "problem", told)


def _refuse_changed(file: InputFile) -> None:
    status = os.stat(file.path)
    if (status.st_size, status.st_mtime_ns) != (file.n_bytes, file.mtime_ns):
        raise FileFault("changed while the run was reading; run again when it is finished")


def check_keys(files: Sequence[InputFile]) -> None:
    """Refuse keys that mean nothing for any file of their input: CurateError names the formats that they are for, and those that there are."""
    formats: dict[int, set[str]] = {}
    for file in files:
        formats.setdefault(id(file.input), set()).add(file.format)
    for recipe in {id(file.input): file.input for file in files}.values():
        found = formats[id(recipe)]
        for key, takes in FORMAT_KEYS.items():
            if key in recipe.model_fields_set and not found & set(takes):
                advice = "; set `format` if they hold something else" if recipe.format == "auto" else ""
                raise CurateError(f"input {recipe.path}: {key} is for {', '.join(takes)}, but its files are read as {', '.join(sorted(found))}{advice}")


def check_columns(files: Sequence[InputFile]) -> None:
    """Look into the tables of each input for its text column. Raises CurateError that names the columns there are if none of them has it.

    A table that lacks it among others that have it is a fault of its file, which its task will tell.
    """
    found: dict[int, bool] = {}
    lacking: dict[int, tuple[InputFile, list[str]]] = {}
    for file in files:
        key = id(file.input)
        columns = None if found.get(key) else _columns(file)
        if columns is not None:
            found[key] = file.input.text_column in columns
            lacking.setdefault(key, (file, columns))
    for key, (file, columns) in lacking.items():
        if not found[key]:
            told = f"{file_name(file.path)} has no column {file.input.text_column!r}; {columns_told(columns)}"
            advice = separator_told(columns, file.separator) if file.format == "csv" else ""
            raise CurateError(f"input {file.input.path}: {told}{advice or '; set text_column in the recipe'}")


def _columns(file: InputFile) -> list[str] | None:
    """Names of the file's columns; None if it has none or cannot be read, which its task will tell."""
    if file.problem:
        return None
    try:
        if file.format in ("jsonl", "json"):
            return first_keys(utf8_chunks(file.path, file.input.encoding))
        if file.format == "csv":
            return csv_columns(Part(file))
        if file.format == "arrow":
            return arrow_columns(file.path)
        return parquet_columns(file.path) if file.format == "parquet" else None
    except (Exception, pl.exceptions.PanicException):
        return None
