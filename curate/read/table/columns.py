"""Columns of a table to raw documents. They stay Arrow columns; only damaged ones are processed row by row."""

import os
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curate.read.batch import BATCH_BYTES, BATCH_ROWS, RAW, UNREADABLE, FileFault, metadata_json, utf8_problem
from curate.read.content.decompress import COMPRESSIONS
from curate.read.part import FilePart

_SHOWN_COLUMNS = 20
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def shown_columns(names: list[str]) -> str:
    """The columns of a table for a message: the first ones, and how many more there are."""
    more = f" and {len(names) - _SHOWN_COLUMNS:,} more" if len(names) > _SHOWN_COLUMNS else ""
    return f"it has: {', '.join(names[:_SHOWN_COLUMNS])}{more}" if names else "it has none"


def separator_advice(names: list[str], expected: str) -> str:
    """Advice for a CSV or TSV file that uses another separator than `expected`: its columns read as one, or its first line names one (`sep=;`). Else ""."""
    stated = bool(names) and names[0].lower().startswith("sep=")
    separator = (names[0][4:5] or expected) if stated else max(_SEPARATORS, key=names[0].count) if len(names) == 1 else ""
    if not separator or (not stated and separator not in names[0]):
        return ""
    actual, wanted = _SEPARATORS.get(separator, repr(separator)), _SEPARATORS[expected]
    if stated:
        return f"; columns must be separated by {wanted}, but the first line says {actual}: write the file with {wanted} and without that line"
    return f"; columns must be separated by {wanted}, but this file has {actual}: write it with {wanted}"


def need_column(part: FilePart, names: list[str]) -> None:
    """Raise FileFault if the part's table lacks the text column."""
    column = part.file.input.text_column
    if column not in names:
        advice = separator_advice(names, part.file.separator) if part.file.format == "csv" else ""
        raise FileFault(f"no column {column!r}; {shown_columns(names)}{advice}")
    if names.count(column) > 1:
        raise FileFault(f"{names.count(column)} columns are called {column!r}; rename all but one")


def distinct_names(names: list[str]) -> list[str]:
    """Make names unique: the second `id` becomes `id_2`, or gets the next free number."""
    taken, seen, distinct = set(names), set[str](), []
    for name in names:
        number, new = 2, name
        while new in seen or (new != name and new in taken):
            new, number = f"{name}_{number}", number + 1
        seen.add(new)
        distinct.append(new)
    return distinct


def batch_rows(n_rows: int, n_bytes: int) -> int:
    """Number of rows that make a batch of about `BATCH_BYTES`, for a table of `n_rows` rows and `n_bytes` bytes."""
    return max(1, min(BATCH_ROWS, BATCH_BYTES * n_rows // max(n_bytes, 1)))


def raw_batch(batch: pa.RecordBatch, row: int | pa.Array, part: FilePart) -> pa.RecordBatch:
    """A batch of a table → `batch.RAW`: the text column as text, the URL column as url, all other columns as one JSON object a row.

    `row` is the number of the first row, or an array of all row numbers. Text that is not UTF-8 makes its row unreadable. Raises FileFault for a text
    column of another type and for damaged columns.
    """
    recipe, n = part.file.input, batch.num_rows
    if len(set(batch.schema.names)) < batch.num_columns:
        batch = batch.rename_columns(distinct_names(batch.schema.names))
    text, problem = _text(batch.column(recipe.text_column), recipe.text_column)
    names = batch.schema.names
    has_url = recipe.url_column in names and recipe.url_column != recipe.text_column and not pa.types.is_nested(batch.field(recipe.url_column).type)
    url = _plain(_decoded(batch.column(recipe.url_column))) if has_url else None
    rest = [name for name in names if name != recipe.text_column and not (has_url and name == recipe.url_column)]
    rows = pa.array(range(row, row + n), pa.int64()) if isinstance(row, int) else row
    columns = [
        text,
        pa.repeat(pa.scalar("", pa.string()), n) if url is None else url.cast(pa.string()).fill_null(""),
        _json(batch.select(rest)),
        rows,
        problem,
        pc.if_else(pc.is_valid(problem), UNREADABLE, pa.scalar(None, pa.string())),
    ]
    return pa.record_batch(columns, schema=RAW)


def _text(column: pa.Array, name: str) -> tuple[pa.Array, pa.Array]:
    """Texts as large_string, and for each row why it cannot be read (null if it can)."""
    column = _decoded(column)
    kind = column.type
    if not (_is_string(kind) or _is_binary(kind) or pa.types.is_null(kind)):
        raise FileFault(f"column {name!r} holds {kind}, not text")
    try:
        column.validate(full=True)
        return column.cast(pa.large_string()), pa.nulls(len(column), pa.string())
    except pa.ArrowInvalid:
        pass
    texts: list[str | None] = []
    problems: list[str | None] = []
    for value in _bytes(column).to_pylist():
        try:
            texts.append(None if value is None else value.decode())
            problems.append(None)
        except UnicodeDecodeError as error:
            texts.append(None)
            problems.append(utf8_problem(error))
    return pa.array(texts, pa.large_string()), pa.array(problems, pa.string())


def _decoded(column: pa.Array) -> pa.Array:
    """Decode dictionaries and runs, to bytes if not all is UTF-8. Raises FileFault for a damaged column, whose indices may point anywhere."""
    if pa.types.is_run_end_encoded(column.type):
        _validate(column)
        return pc.run_end_decode(column)
    if not pa.types.is_dictionary(column.type):
        return column
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        values = _bytes(column.dictionary) if _is_string(column.type.value_type) else column.dictionary
        column = pa.DictionaryArray.from_arrays(column.indices, values)
        _validate(column)
    return column.dictionary_decode()


def _bytes(column: pa.Array) -> pa.Array:
    """Strings that may not be UTF-8, as bytes. Raises FileFault if their offsets point outside the column."""
    column = column.cast(pa.large_binary())
    _validate(column)
    return column


def _validate(column: pa.Array) -> None:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise FileFault(f"a column is damaged ({str(error).split(chr(10))[0]})") from None


def _json(batch: pa.RecordBatch) -> pa.Array:
    """Each row as a JSON object."""
    if not batch.num_columns:
        return pa.repeat(pa.scalar("", pa.string()), batch.num_rows)
    columns = {name: _plain(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    if any(_has_no_json(column.type) for column in columns.values()):
        rows = pa.RecordBatch.from_pydict(columns).to_pylist()
        return pa.array([metadata_json(_named(row)) for row in rows], pa.string())
    frame = pl.DataFrame(columns)
    return frame.to_struct("metadata").struct.json_encode().to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())


def _plain(column: pa.Array) -> pa.Array:
    """The column with invalid text repaired (U+FFFD) and bytes in hexadecimal."""
    if _is_binary(column.type):
        _validate(column)
        return pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        if not _is_string(column.type):
            raise FileFault(f"a column is damaged ({str(error).split(chr(10))[0]})") from None
        values = _bytes(column).to_pylist()
        return pa.array([None if value is None else value.decode(errors="replace") for value in values], pa.string())
    return column


def _named(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}


def _is_string(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind)


def _has_no_json(kind: pa.DataType) -> bool:
    """Whether polars cannot write the type as JSON: bytes inside lists and structs, 256-bit decimals, extension types."""
    inner = [kind.field(index).type for index in range(kind.num_fields)]
    types = pa.types
    own = _is_binary(kind) or types.is_decimal256(kind) or types.is_union(kind) or types.is_interval(kind) or isinstance(kind, pa.BaseExtensionType)
    own = own or types.is_list_view(kind) or types.is_large_list_view(kind) or types.is_run_end_encoded(kind)
    return own or any(_has_no_json(field) for field in inner)


def not_readable(part: FilePart, kind: str, error: Exception) -> FileFault:
    """The fault of a file that Arrow cannot read."""
    if part.file.path.lower().endswith(COMPRESSIONS):
        return FileFault(f"{kind} files cannot be read out of {os.path.splitext(part.file.path)[1]}; decompress the file; the format has its own compression")
    return FileFault(f"not a readable {kind} file ({first_line(error)})")


def first_line(error: Exception) -> str:
    """The first line of an error message."""
    return str(error).split("\n")[0]
