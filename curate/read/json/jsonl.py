"""JSON Lines and JSON: the text column becomes the text; all other keys become metadata, as written except for white space.

msgspec parses each line and leaves metadata in its original bytes, so numbers are not changed. Lines that it refuses go through Python's parser, which says
what is wrong with them.
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from curate.read.batch import BATCH_ROWS, TOO_LONG_RULE, BatchBuilder, too_long, utf8_problem
from curate.read.content.encodings import utf8_chunks
from curate.read.content.lines import line_blocks
from curate.read.json.flatten import first_keys, json_lines
from curate.read.part import FilePart, InputFile

_METADATA_BYTES = 1 << 20
_OBJECT, _STRING = msgspec.json.Decoder(dict[str, msgspec.Raw]), msgspec.json.Decoder(str | None)
MAX_DEPTH = 200
"""An object with more levels of nesting is unreadable. Python's own limit depends on the depth of the call stack."""


def read_jsonl(part: FilePart) -> Iterator[pa.RecordBatch]:
    """Raw documents of a file or stripe of lines. Blank lines are skipped but count as rows. Raises FileFault after the last whole line."""
    yield from _records(part, utf8_chunks(part.file.path, part.file.input.encoding))


def read_json(part: FilePart) -> Iterator[pa.RecordBatch]:
    """Raw documents of a file that holds an array, objects that span lines, or lines; `row` is the entry's number. Raises FileFault like `read_jsonl`."""
    yield from _records(part, json_lines(utf8_chunks(part.file.path, part.file.input.encoding)))


def json_columns(file: InputFile) -> list[str] | None:
    """Keys of the file's first entries; None if they are not objects."""
    return first_keys(utf8_chunks(file.path, file.input.encoding))


def _records(part: FilePart, pieces: Iterator[bytes]) -> Iterator[pa.RecordBatch]:
    recipe = part.file.input
    # An escaped character takes up to three times its bytes in UTF-8.
    for block in line_blocks(pieces, part.start, part.stop, 3 * recipe.max_document_bytes + _METADATA_BYTES):
        if block.data is None:
            batch = _too_long(block.row, recipe.max_document_bytes)
        else:
            batch = parse_block(block.data, block.row, recipe.text_column, recipe.url_column)
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def parse_block(data: bytes, row: int, text_column: str, url_column: str) -> pa.RecordBatch:
    """All records in some whole lines as a batch of `batch.RAW`; `row` is the number of the first line."""
    builder, is_utf8 = BatchBuilder(), _is_utf8(data)
    for number, line in enumerate(data.split(b"\n"), row):
        if line.strip():
            record = _plain(line, text_column, url_column) if is_utf8 or line.isascii() else None
            if record is None:
                _add(builder, number, line, text_column, url_column)
            else:
                builder.add(number, *record)
    return builder.take()


def _is_utf8(data: bytes) -> bool:
    offsets = pa.py_buffer(np.array([0, len(data)], np.int64))
    try:
        pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(data)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _plain(line: bytes, text_column: str, url_column: str) -> tuple[str | None, str, str] | None:
    """Text, url and metadata of an object in valid JSON and UTF-8; None if Python's parser must decide.

    Values of metadata keep their bytes, without white space between tokens. A key with an escape, or one that occurs twice, makes the parsed object shorter
    than the line, so comparing lengths detects both.
    """
    try:
        compact = msgspec.json.format(line, indent=-1)
        record = {key.encode(): value for key, value in _OBJECT.decode(compact).items()}
        if 1 + sum(len(key) + len(value) + 4 for key, value in record.items()) != len(compact):
            return None
        text, url = (_STRING.decode(record.pop(name, b"null")) for name in (text_column.encode(), url_column.encode()))
        metadata = b"{%b}" % b",".join([b'"%b":%b' % member for member in record.items()]) if record else b""
        if metadata.count(b"[") + metadata.count(b"{") > MAX_DEPTH:
            _written(json.loads(metadata, parse_float=_Number, parse_int=_Number), MAX_DEPTH)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return text, url or "", metadata.decode()


def _too_long(row: int, limit: int) -> pa.RecordBatch:
    builder = BatchBuilder()
    builder.add_unreadable(row, too_long(limit), TOO_LONG_RULE)
    return builder.take()


class _Number(str):
    """A number as written in the file."""


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
    """The value as JSON in ASCII, numbers as written. Raises RecursionError if it has more than `levels` levels."""
    if levels < 0:
        raise RecursionError
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_written(inner, levels - 1)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(inner, levels - 1) for inner in value) + "]"
    return json.dumps(value)
