"""JSON Lines: one object a line; the text column is the text, the rest is metadata, as it was written but for white space.

A kernel parses what is plain and copies metadata byte by byte, so that a number stays the number it was; the lines it leaves go through
Python's parser, which says what is wrong with them.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from curate.read.batch import BATCH_ROWS, RAW, TOO_LONG_RULE, BatchBuilder, too_long, utf8_problem
from curate.read.content.encodings import utf8_chunks
from curate.read.content.lines import line_blocks
from curate.read.json.flatten import first_keys, json_lines
from curate.read.json.kernel import parse_lines
from curate.read.part import InputFile, Part

_METADATA_BYTES = 1 << 20
MAX_DEPTH = 200
"""Levels of nesting above which an object is unreadable, on any stack; Python's own limit depends on who calls."""


def read_jsonl(part: Part) -> Iterator[pa.RecordBatch]:
    """Batches of the records of a file or stripe; blank lines are passed over, but counted as rows. Raises FileFault after the last whole line."""
    yield from _records(part, utf8_chunks(part.file.path, part.file.input.encoding))


def read_json(part: Part) -> Iterator[pa.RecordBatch]:
    """The same for a file that holds an array, objects over several lines, or lines; `row` is the number of the entry. Raises FileFault as above."""
    yield from _records(part, json_lines(utf8_chunks(part.file.path, part.file.input.encoding)))


def json_columns(file: InputFile) -> list[str] | None:
    """Keys of the file's first entries; None if they are not objects."""
    return first_keys(utf8_chunks(file.path, file.input.encoding))


def _records(part: Part, pieces: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    recipe = part.file.input
    # An escape takes three times the bytes of its character.
    for block in line_blocks(pieces, part.start, part.stop, 3 * recipe.max_document_bytes + _METADATA_BYTES):
        if block.data is None:
            batch = _too_long(block.row, recipe.max_document_bytes)
        else:
            batch = parse_block(block.data, block.row, recipe.text_column, recipe.url_column)
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def parse_block(data: bytes, row: int, text_column: str, url_column: str) -> pa.RecordBatch:
    """All records of some whole lines, the first of which has number `row`, as a batch of `batch.RAW`."""
    lines = np.frombuffer(data, np.uint8)
    n_lines = data.count(b"\n") + 1
    outs = tuple(np.empty(lines.size, np.uint8) for _ in range(3))
    ends, rows, has_text, odd = np.zeros((3, n_lines + 1), np.int64), np.empty(n_lines, np.int64), np.empty(n_lines, bool), np.empty((n_lines, 3), np.int64)
    names = tuple(np.frombuffer(json.dumps(name, ensure_ascii=False)[1:-1].encode(), np.uint8) for name in (text_column, url_column))
    n, n_odd = parse_lines(
        lines, lines[: lines.size & -8].view(np.uint64), row, _is_utf8(data), names, np.empty((256, 2), np.int64), outs, ends, rows, has_text, odd
    )
    text, url, metadata = (_strings(out, end[: n + 1], kind) for out, end, kind in zip(outs, ends, RAW.types[:3], strict=True))
    if not has_text[:n].all():
        bitmap = pa.py_buffer(np.packbits(has_text[:n], bitorder="little").tobytes())
        text = pa.Array.from_buffers(text.type, n, [bitmap, *text.buffers()[1:]])
    plain = pa.record_batch([text, url, metadata, pa.array(rows[:n]), pa.nulls(n, pa.string()), pa.nulls(n, pa.string())], schema=RAW)
    return plain if not n_odd else _merged(plain, _odd_lines(data, odd[:n_odd], text_column, url_column))


def _is_utf8(data: bytes) -> bool:
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _strings(utf8: np.ndarray, ends: np.ndarray, kind: pa.DataType) -> pa.Array:
    offsets = ends.astype(np.int64 if kind == pa.large_string() else np.int32)
    return pa.Array.from_buffers(kind, len(ends) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(utf8[: ends[-1]])])


def _merged(plain: pa.RecordBatch, odd: pa.RecordBatch) -> pa.RecordBatch:
    both = pa.concat_batches([plain, odd])
    return both.take(pa.array(np.argsort(both["row"].to_numpy(), kind="stable")))


def _too_long(row: int, limit: int) -> pa.RecordBatch:
    builder = BatchBuilder()
    builder.add_unreadable(row, too_long(limit), TOO_LONG_RULE)
    return builder.take()


def _odd_lines(data: bytes, places: np.ndarray, text_column: str, url_column: str) -> pa.RecordBatch:
    builder = BatchBuilder()
    for row, start, end in places.tolist():
        if data[start:end].strip():
            _add(builder, row, data[start:end], text_column, url_column)
    return builder.take()


class _Number(str):
    """A number as it was written."""


def _add(builder: BatchBuilder, row: int, line: bytes, text_column: str, url_column: str) -> None:
    try:
        record: Any = json.loads(line.decode("utf-8-sig"), parse_float=_Number, parse_int=_Number)
        rest = {key: value for key, value in record.items() if key not in (text_column, url_column)} if isinstance(record, dict) else {}
        metadata = _written(rest, MAX_DEPTH) if rest else ""
    except UnicodeDecodeError as error:
        return builder.add_unreadable(row, utf8_problem(error))
    except RecursionError:
        return builder.add_unreadable(row, f"not JSON: nested deeper than {MAX_DEPTH} levels")
    except ValueError as error:
        return builder.add_unreadable(row, f"not JSON: {error}")
    if not isinstance(record, dict):
        return builder.add_unreadable(row, f"a JSON {_kind(record)}, not an object")
    text = record.get(text_column)
    if text is not None and (not isinstance(text, str) or isinstance(text, _Number)):
        return builder.add_unreadable(row, f"{text_column} holds a {_kind(text)}, not text")
    return builder.add(row, text, str((url_column != text_column and record.get(url_column)) or ""), metadata)


def _kind(value: Any) -> str:
    if isinstance(value, _Number):
        return "int" if value.lstrip("-").isdigit() else "float"
    return type(value).__name__


def _written(value: Any, levels: int) -> str:
    """The value as JSON in pure ASCII, numbers as they came. Raises RecursionError if it has more levels."""
    if levels < 0:
        raise RecursionError
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_written(inner, levels - 1)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(inner, levels - 1) for inner in value) + "]"
    return json.dumps(value)
