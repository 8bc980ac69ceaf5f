"""JSON Lines: one object a line; the text column is the text, the rest is metadata."""

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from curate.read.batch import BatchBuilder, FileFault, metadata_json, utf8_problem
from curate.read.stream import lines
from curate.read.tasks import Part


def read_jsonl(part: Part) -> Iterator[pa.RecordBatch]:
    """Batches of the file's records; blank lines are passed over, but counted as rows. Raises FileFault after the last whole line."""
    builder = BatchBuilder()
    row = 0
    try:
        for some in lines(part.file.path):
            for line in some:
                if line.strip():
                    _add(builder, row, line, part.file.input.text_column, part.file.input.url_column)
                row += 1
            if builder.full:
                yield builder.take()
    except FileFault:
        yield builder.take()
        raise
    yield builder.take()


def _add(builder: BatchBuilder, row: int, line: bytes, text_column: str, url_column: str) -> None:
    try:
        record: Any = json.loads(line)
    except UnicodeDecodeError as error:
        return builder.add_unreadable(row, utf8_problem(error))
    except (ValueError, RecursionError) as error:
        return builder.add_unreadable(row, f"not JSON: {error}")
    if not isinstance(record, dict):
        return builder.add_unreadable(row, f"a JSON {type(record).__name__}, not an object")
    text = record.pop(text_column, None)
    if text is not None and not isinstance(text, str):
        return builder.add_unreadable(row, f"{text_column} holds a {type(text).__name__}, not text")
    return builder.add(row, text, str(record.pop(url_column, None) or ""), metadata_json(record))


def first_columns(path: str) -> list[str] | None:
    """Keys of the file's first object, to check column names before a long run; None if there is none."""
    try:
        for some in lines(path):
            for line in some:
                if line.strip():
                    record = json.loads(line)
                    return list(record) if isinstance(record, dict) else None
    except (FileFault, ValueError):
        pass
    return None
