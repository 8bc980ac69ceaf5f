"""Read any part of any input, and check inputs before a long run."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import CurateError
from curate.read.batch import NOT_UTF8, RAW, TOO_LONG_RULE, FileFault, too_long
from curate.read.content.encodings import encoding_hint
from curate.read.file_names import file_name, os_problem
from curate.read.formats import FORMATS
from curate.read.part import FilePart, InputFile, Tally
from curate.read.recipe import InputRecipe
from curate.read.table.columns import separator_advice, shown_columns

_LOOKS = {"markup": r"^\s*<[A-Za-z!?/]", "json": r'^\s*(\{\s*"|\[\s*[\[{"])'}


def read_part(part: FilePart, tally: Tally | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of the part's raw documents (`batch.RAW`). Every record that the reader meets is counted in `tally`.

    Raises FileFault, after the last readable record, if the file is broken, changed since it was listed, or cannot be opened. Any other exception of a
    reader becomes a FileFault too, so no input ends a run.
    """
    file = part.file
    if file.problem:
        raise FileFault(file.problem)
    try:
        _refuse_changed(file)
        hint: str | None = None
        for batch in FORMATS[file.format].read(part, tally if tally is not None else Tally()):
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


def _capped(batch: pa.RecordBatch, limit: int) -> pa.RecordBatch:
    """The batch without texts of more than `limit` bytes; their `problem` says how many bytes they had."""
    if batch["text"].nbytes <= limit:
        return batch
    sizes = pc.fill_null(pc.binary_length(batch["text"]), 0)
    is_long = pc.greater(sizes, limit)
    if not pc.any(is_long).as_py():
        return batch
    problems = pa.array([too_long(limit, n) if n > limit else None for n in sizes.to_pylist()], pa.string())
    columns = {name: batch[name] for name in batch.schema.names}
    columns["text"] = pc.if_else(is_long, pa.scalar(None, pa.large_string()), batch["text"])
    columns["problem"] = pc.if_else(is_long, problems, batch["problem"])
    columns["rule"] = pc.if_else(is_long, TOO_LONG_RULE, batch["rule"])
    return pa.record_batch(list(columns.values()), schema=RAW)


def _hint(file: InputFile) -> str:
    try:
        return "" if file.input.encoding or "encoding" not in FORMATS[file.format].keys else encoding_hint(file.path)
    except FileFault:
        return ""


def _with_hint(batch: pa.RecordBatch, recipe: InputRecipe, hint: str) -> pa.RecordBatch:
    """Extend problems with UTF-8: which encoding the file may have, or that the given encoding does not fit."""
    problem = batch["problem"]
    advice = pc.binary_join_element_wise(problem, hint, "") if recipe.encoding is None else f"bytes that are not {recipe.encoding}"
    extended = pc.if_else(pc.fill_null(pc.starts_with(problem, NOT_UTF8), False), advice, problem)
    return batch.set_column(batch.schema.get_field_index("problem"), "problem", extended)


def _refuse_changed(file: InputFile) -> None:
    status = os.stat(file.path)
    if (status.st_size, status.st_mtime_ns) != (file.n_bytes, file.mtime_ns):
        raise FileFault("changed while the run was reading; run again when it is finished")


def check_keys(files: Sequence[InputFile]) -> None:
    """Raise CurateError for a key that has no effect on any file of its input; it names the formats that have the key, and those of the files."""
    formats: dict[int, set[str]] = {}
    for file in files:
        formats.setdefault(id(file.input), set()).add(file.format)
    for recipe in {id(file.input): file.input for file in files}.values():
        used = formats[id(recipe)]
        for key in dict.fromkeys(key for kind in FORMATS.values() for key in kind.keys):
            takes = [name for name, kind in FORMATS.items() if key in kind.keys]
            if key in recipe.model_fields_set and not used & set(takes):
                advice = "; set `format` if they hold something else" if recipe.format == "auto" else ""
                raise CurateError(f"input {recipe.path}: {key} is for {', '.join(takes)}, but its files are read as {', '.join(sorted(used))}{advice}")


def check_columns(files: Sequence[InputFile]) -> None:
    """Raise CurateError, with the columns that exist, for an input none of whose tables has its text column.

    If only some tables lack it, each is a fault of its file, which its task reports.
    """
    has_column: dict[int, bool] = {}
    lacking: dict[int, tuple[InputFile, list[str]]] = {}
    for file in files:
        key = id(file.input)
        columns = None if has_column.get(key) else _columns(file)
        if columns is not None:
            has_column[key] = file.input.text_column in columns
            lacking.setdefault(key, (file, columns))
    for key, (file, columns) in lacking.items():
        if not has_column[key]:
            problem = f"{file_name(file.path)} has no column {file.input.text_column!r}; {shown_columns(columns)}"
            advice = separator_advice(columns, file.separator) if file.format == "csv" else ""
            raise CurateError(f"input {file.input.path}: {problem}{advice or '; set text_column in the recipe'}")


def _columns(file: InputFile) -> list[str] | None:
    """Names of the file's columns; None if it has none or cannot be read, which its task reports."""
    columns = FORMATS[file.format].columns
    try:
        return None if file.problem or columns is None else columns(file)
    except (Exception, pl.exceptions.PanicException):
        return None


def looks_like(raw: pa.RecordBatch) -> dict[str, Counter[str]]:
    """Documents that begin like `markup` or `json` although they were read as text, by source; `raw` has the columns `text` and `source`."""
    counts = {}
    for kind, pattern in _LOOKS.items():
        sources = raw["source"].filter(pc.fill_null(pc.match_substring_regex(raw["text"], pattern), False))
        counts[kind] = Counter(sources.to_pylist())
    return counts
