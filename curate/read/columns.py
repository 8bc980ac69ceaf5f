"""Files that are tables already: Parquet and CSV. Columns stay columns; nothing is done row by row."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from curate.read.batch import BATCH_ROWS, RAW, FileFault
from curate.read.stream import ChunkReader
from curate.read.tasks import Part

_PARQUET_ROWS = 4096
_CSV_BLOCK_BYTES = 8 << 20


def read_parquet(part: Part) -> Iterator[pa.RecordBatch]:
    """Batches of the part's row groups. Raises FileFault if the file is damaged or lacks the text column."""
    row = part.first_row
    try:
        with pq.ParquetFile(part.file.path) as file:
            _need_column(part, file.schema_arrow.names)
            groups = range(part.start, file.num_row_groups if part.stop is None else part.stop)
            for batch in file.iter_batches(_PARQUET_ROWS, row_groups=list(groups), use_threads=False):
                yield _raw(batch, row, part)
                row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise FileFault(f"not a readable Parquet file ({_first_line(error)})") from None


def read_csv(part: Part) -> Iterator[pa.RecordBatch]:
    """Batches of a CSV file, or of a TSV file if its name says so; the first line names the columns. Raises FileFault as above."""
    row = 0
    try:
        for batch in _open_csv(part.file.path, part.file.name):
            if row == 0:
                _need_column(part, batch.schema.names)
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield _raw(batch.slice(start, BATCH_ROWS), row + start, part)
            row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise FileFault(f"not a readable CSV file after row {row} ({_first_line(error)})") from None


def parquet_columns(path: str) -> list[str] | None:
    """Names of the file's columns; None if it cannot be opened."""
    try:
        return pq.read_schema(path).names
    except (pa.ArrowException, OSError):
        return None


def csv_columns(path: str, name: str) -> list[str] | None:
    """Names of the file's columns; None if it cannot be read."""
    try:
        return _open_csv(path, name).schema.names
    except (pa.ArrowException, OSError, FileFault):
        return None


def _open_csv(path: str, name: str) -> csv.CSVStreamingReader:
    """All columns as strings: what looks like a number stays as it was written."""
    parse = csv.ParseOptions(delimiter="\t" if ".tsv" in name.lower() else ",", newlines_in_values=True)
    read = csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES)
    header = csv.open_csv(ChunkReader(path), read, parse).schema.names
    convert = csv.ConvertOptions(column_types=dict.fromkeys(header, pa.large_string()), strings_can_be_null=False)
    return csv.open_csv(ChunkReader(path), read, parse, convert)


def _need_column(part: Part, names: list[str]) -> None:
    column = part.file.input.text_column
    if column not in names:
        raise FileFault(f"no column {column!r}; it has: {', '.join(names)}")


def _raw(batch: pa.RecordBatch, row: int, part: Part) -> pa.RecordBatch:
    """The text column as text, the address as url, the rest as one JSON object per row."""
    frame = pl.DataFrame(batch)
    text, url = part.file.input.text_column, part.file.input.url_column
    if frame.schema[text] not in (pl.String, pl.Null):
        raise FileFault(f"column {text!r} holds {frame.schema[text]}, not text")
    rest = frame.select(pl.exclude(text, url))
    columns = {
        "text": frame[text].cast(pl.String),
        "url": frame[url].cast(pl.String).fill_null("") if url in frame.columns else pl.repeat("", frame.height, eager=True),
        "metadata": rest.to_struct("metadata").struct.json_encode() if rest.width else pl.repeat("", frame.height, eager=True),
        "row": pl.int_range(row, row + frame.height, dtype=pl.Int64, eager=True),
        "problem": pl.repeat(None, frame.height, dtype=pl.String, eager=True),
    }
    return pl.DataFrame(columns).to_arrow().cast(RAW).combine_chunks().to_batches()[0]


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]
