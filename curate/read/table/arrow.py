"""Pieces of a table that can be read on their own, for cutting large files into tasks."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from curate.read.content.decompress import open_file


@contextmanager
def openable(path: str) -> Iterator[str]:
    """A path that Arrow takes, whose names must be UTF-8: the path itself, or one that leads to the open file. Raises OSError for what is no file."""
    with open_file(path) as handle:
        try:
            path.encode()
        except UnicodeEncodeError:
            yield f"/dev/fd/{handle.fileno()}"
        else:
            yield path


def parquet_groups(path: str) -> list[tuple[int, int]] | None:
    """Rows and compressed bytes of each row group; None if the file cannot be opened."""
    try:
        with openable(path) as name:
            metadata = pq.read_metadata(name)
    except (pa.ArrowException, OSError):
        return None
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    return [(group.num_rows, sum(group.column(column).total_compressed_size for column in range(group.num_columns))) for group in groups]


def arrow_groups(path: str, n_bytes: int) -> list[tuple[int, int]] | None:
    """Rows of each record batch and its share of the file's bytes; None if the file cannot be read.

    Looks at the narrowest column only, so that compressed text stays unread.
    """
    try:
        with openable(path) as name, pa.memory_map(name) as source, open_arrow(source, [_narrowest(source)]) as reader:
            rows = [batch.num_rows for batch in arrow_batches(reader)]
    except (pa.ArrowException, OSError):
        return None
    n_rows = max(sum(rows), 1)
    return [(count, n_bytes * count // n_rows) for count in rows]


def open_arrow(source: pa.NativeFile, fields: list[int] | None = None) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    """A reader of either Arrow format, files (ours) or streams (Hugging Face `datasets`), of all columns or those numbered `fields`."""
    options = pa.ipc.IpcReadOptions(included_fields=fields or [])
    source.seek(0)
    magic = source.read(6)
    if magic.startswith(b"FEA1"):
        raise pa.ArrowInvalid("Feather, version 1; write it again as version 2 or as Parquet")
    if magic == b"ARROW1":
        source.seek(0)
        return pa.ipc.open_file(source, options=options)
    source.seek(0)
    return pa.ipc.open_stream(source, options=options)


def arrow_batches(reader: pa.RecordBatchFileReader | pa.RecordBatchStreamReader, start: int = 0, stop: int | None = None):  # type: ignore[no-untyped-def]
    """Record batches `start` up to `stop`. A stream is run through from its beginning, which copies nothing unless it is compressed."""
    if isinstance(reader, pa.RecordBatchFileReader):
        last = reader.num_record_batches if stop is None else stop
        yield from (reader.get_batch(index) for index in range(start, last))
        return
    for index, batch in enumerate(reader):
        if stop is not None and index >= stop:
            return
        if index >= start:
            yield batch


def _narrowest(source: pa.NativeFile) -> int:
    with open_arrow(source) as reader:
        types = list(reader.schema.types)
    return min(range(len(types)), key=lambda index: types[index].bit_width if _is_fixed(types[index]) else 1 << 20)


def _is_fixed(kind: pa.DataType) -> bool:
    return pa.types.is_primitive(kind) or pa.types.is_fixed_size_binary(kind)
