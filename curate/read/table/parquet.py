"""Parquet files."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from curate.read.content.decompress import openable
from curate.read.part import FilePart, InputFile
from curate.read.table.columns import batch_rows, need_column, not_readable, raw_batch

_READ_BYTES = 1 << 20  # reads are buffered, so a column of a row group is never held whole


def read_parquet(part: FilePart) -> Iterator[pa.RecordBatch]:
    """Raw documents of the part's row groups. Raises FileFault if the file is damaged or lacks the text column."""
    row = part.first_row
    try:
        with openable(part.file.path) as path, pq.ParquetFile(path, buffer_size=_READ_BYTES, pre_buffer=False) as file:
            need_column(part, file.schema_arrow.names)
            for index in range(part.start, file.num_row_groups if part.stop is None else part.stop):
                group = file.metadata.row_group(index)
                n_rows = batch_rows(group.num_rows, group.total_byte_size)
                for batch in file.iter_batches(n_rows, row_groups=[index], use_threads=False):
                    yield raw_batch(batch, row, part)
                    row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise not_readable(part, "Parquet", error) from None


def parquet_columns(file: InputFile) -> list[str]:
    """Names of the file's columns."""
    with openable(file.path) as name:
        return list(pq.read_schema(name).names)


def parquet_groups(file: InputFile) -> list[tuple[int, int]] | None:
    """Rows and compressed bytes of each row group; None if the file cannot be opened."""
    try:
        with openable(file.path) as name:
            metadata = pq.read_metadata(name)
    except (pa.ArrowException, OSError):
        return None
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    return [(group.num_rows, sum(group.column(column).total_compressed_size for column in range(group.num_columns))) for group in groups]
