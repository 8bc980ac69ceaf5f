"""Arrow IPC files and streams."""

from collections.abc import Iterator

import pyarrow as pa

from curate.read.content.decompress import openable
from curate.read.part import FilePart, InputFile
from curate.read.table.columns import batch_rows, need_column, not_readable, raw_batch


def read_arrow(part: FilePart) -> Iterator[pa.RecordBatch]:
    """Raw documents of the part's record batches. Raises FileFault if the file is damaged or lacks the text column."""
    row = part.first_row
    try:
        with openable(part.file.path) as path, pa.memory_map(path) as source, _open_arrow(source) as reader:
            need_column(part, reader.schema.names)
            for batch in _arrow_batches(reader, part.start, part.stop):
                batch.validate()  # before its offsets are followed
                step = batch_rows(batch.num_rows, batch.nbytes)
                for start in range(0, batch.num_rows, step):
                    piece = batch.slice(start, step)
                    yield raw_batch(piece, row, part)
                    row += piece.num_rows
    except (pa.ArrowException, OSError) as error:
        raise not_readable(part, "Arrow", error) from None


def arrow_columns(file: InputFile) -> list[str]:
    """Names of the file's columns."""
    with openable(file.path) as name, pa.memory_map(name) as source, _open_arrow(source) as reader:
        return list(reader.schema.names)


def arrow_groups(file: InputFile) -> list[tuple[int, int]] | None:
    """Rows of each record batch and its share of the file's bytes; None if the file cannot be read.

    Reads the narrowest column only, so compressed text stays unread.
    """
    try:
        with openable(file.path) as name, pa.memory_map(name) as source, _open_arrow(source, [_narrowest(source)]) as reader:
            rows = [batch.num_rows for batch in _arrow_batches(reader)]
    except (pa.ArrowException, OSError):
        return None
    n_rows = max(sum(rows), 1)
    return [(count, file.n_bytes * count // n_rows) for count in rows]


def _open_arrow(source: pa.NativeFile, fields: list[int] | None = None) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    """A reader of an Arrow file (ours) or stream (Hugging Face `datasets`): all columns, or those at the indices `fields`."""
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


def _arrow_batches(reader: pa.RecordBatchFileReader | pa.RecordBatchStreamReader, start: int = 0, stop: int | None = None):  # type: ignore[no-untyped-def]
    """Record batches `start` up to `stop`. A stream is read from its beginning; skipped batches are copied only if they are compressed."""
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
    with _open_arrow(source) as reader:
        types = list(reader.schema.types)
    return min(range(len(types)), key=lambda index: types[index].bit_width if _is_fixed(types[index]) else 1 << 20)


def _is_fixed(kind: pa.DataType) -> bool:
    return pa.types.is_primitive(kind) or pa.types.is_fixed_size_binary(kind)
