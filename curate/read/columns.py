"""Columns of a table to raw documents. Columns stay columns; only what is damaged is looked at row by row."""

from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from curate.read.batch import BATCH_BYTES, BATCH_ROWS, RAW, UNREADABLE, FileFault, metadata_json, utf8_problem
from curate.read.tasks import Part


def need_column(part: Part, names: list[str]) -> None:
    """Raise FileFault if the part's table lacks the text column."""
    column = part.file.input.text_column
    if column not in names:
        raise FileFault(f"no column {column!r}; it has: {', '.join(names)}")


def batch_rows(n_rows: int, n_bytes: int) -> int:
    """How many rows of a table with so many rows and bytes make about `BATCH_BYTES`."""
    return max(1, min(BATCH_ROWS, BATCH_BYTES * n_rows // max(n_bytes, 1)))


def raw_batch(batch: pa.RecordBatch, row: int | pa.Array, part: Part) -> pa.RecordBatch:
    """The text column as text, the address as url, the rest as one JSON object a row; `row` is the first row's number, or all rows' numbers.

    Text that is not UTF-8 makes its row unreadable. Raises FileFault for a text column of another type, and for other columns that no JSON can hold.
    """
    recipe, n = part.file.input, batch.num_rows
    text, problem = _text(batch.column(recipe.text_column), recipe.text_column)
    has_url = recipe.url_column in batch.schema.names and recipe.url_column != recipe.text_column
    url = _plain(batch.column(recipe.url_column)) if has_url else None
    rest = [name for name in batch.schema.names if name not in (recipe.text_column, recipe.url_column)]
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
    """Texts as large_string, and why some are null."""
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
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
    for value in column.cast(pa.large_binary()).to_pylist():
        try:
            texts.append(None if value is None else value.decode())
            problems.append(None)
        except UnicodeDecodeError as error:
            texts.append(None)
            problems.append(utf8_problem(error))
    return pa.array(texts, pa.large_string()), pa.array(problems, pa.string())


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
    """The column with damaged text mended (U+FFFD) and bytes in hexadecimal."""
    if _is_binary(column.type):
        return pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        if not _is_string(column.type):
            raise FileFault(f"a column is damaged ({str(error).split(chr(10))[0]})") from None
        values = column.cast(pa.large_binary()).to_pylist()
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
    own = _is_binary(kind) or pa.types.is_decimal256(kind) or pa.types.is_union(kind) or isinstance(kind, pa.BaseExtensionType)
    return own or any(_has_no_json(one) for one in inner)
