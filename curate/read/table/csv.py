"""Files that are tables already: Parquet, Arrow, CSV."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from curate.read.batch import RAW, BatchBuilder, FileFault
from curate.read.content.decompress import ChunkReader
from curate.read.content.encodings import utf8_chunks
from curate.read.files import COMPRESSIONS
from curate.read.table.arrow import arrow_batches, open_arrow, openable
from curate.read.table.columns import batch_rows, need_column, raw_batch
from curate.read.table.csv_content import QUOTES_BYTES, Standins, WholeRows, quotes_mean_something, shown_names, without_standins
from curate.read.tasks import Part

_CSV_BLOCK_BYTES = 32 << 20
"""A row that is longer ends the reading of its file."""
_FIRST_LINE = re.compile(rb"[^\r\n][\r\n]")
_READ_BYTES = 1 << 20  # so that a row group's column is not held whole


def read_parquet(part: Part) -> Iterator[pa.RecordBatch]:
    """Batches of the part's row groups. Raises FileFault if the file is damaged or lacks the text column."""
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
        raise _not_readable(part, "Parquet", error) from None


def read_arrow(part: Part) -> Iterator[pa.RecordBatch]:
    """Batches of the part's record batches, of Arrow files and streams. Raises FileFault as above."""
    row = part.first_row
    try:
        with openable(part.file.path) as path, pa.memory_map(path) as source, open_arrow(source) as reader:
            need_column(part, reader.schema.names)
            for batch in arrow_batches(reader, part.start, part.stop):
                batch.validate()  # before anything follows its offsets
                step = batch_rows(batch.num_rows, batch.nbytes)
                for start in range(0, batch.num_rows, step):
                    piece = batch.slice(start, step)
                    yield raw_batch(piece, row, part)
                    row += piece.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _not_readable(part, "Arrow", error) from None


def read_csv(part: Part) -> Iterator[pa.RecordBatch]:
    """Batches of a CSV file, or of a TSV file if its name says so; the first line names the columns.

    A row with too many or too few fields is unreadable, and so is the last one if a quote in it is not closed: it holds all lines behind it. Raises
    FileFault as above, after the last whole row before the damage.
    """
    bad: dict[int, str] = {}
    n_good = 0
    standins = Standins(utf8_chunks(part.file.path, part.file.input.encoding))
    is_quoted = _is_quoted(part)
    content = WholeRows(iter(standins), is_quoted)
    names = _csv_header(part, is_quoted)
    need_column(part, shown_names(names))
    last, last_field = pa.RecordBatch.from_pylist([], schema=RAW), ""
    try:
        for batch in _csv_batches(part, content, names, bad, is_quoted):
            last_field = batch.column(batch.num_columns - 1)[-1].as_py() if batch.num_rows else last_field
            step = batch_rows(batch.num_rows, batch.nbytes)
            for start in range(0, batch.num_rows, step):
                piece = batch.slice(start, step)
                piece = without_standins(piece, part.file.input.text_column) if standins.is_needed else piece
                yield last
                last = raw_batch(piece, _row_numbers(n_good, piece.num_rows, bad), part)
                n_good += piece.num_rows
    except (pa.ArrowException, OSError) as error:
        yield last
        yield _unreadable(bad)
        raise content.fault or FileFault(f"not a readable CSV file after row {n_good + len(bad)} ({_csv_problem(error)})") from None
    unclosed = content.fault is None and content.ends_in_quotes and "\n" in last_field
    if unclosed:
        bad[last["row"][-1].as_py()] = "a quote in it is not closed before the file ends"
        last = last.slice(0, last.num_rows - 1)
    yield last
    yield _unreadable(bad)
    if unclosed:
        raise FileFault(f"a quote in row {max(bad)} is not closed; all lines behind it are lost in that row")
    if content.fault is not None:
        raise FileFault(f"{content.fault}; {n_good + len(bad)} rows before that were read")


def parquet_columns(path: str) -> list[str] | None:
    """Names of the file's columns; None if it cannot be opened."""
    try:
        with openable(path) as name:
            return list(pq.read_schema(name).names)
    except (pa.ArrowException, OSError):
        return None


def arrow_columns(path: str) -> list[str] | None:
    """Names of the file's columns; None if it cannot be opened."""
    try:
        with openable(path) as name, pa.memory_map(name) as source, open_arrow(source) as reader:
            return reader.schema.names
    except (pa.ArrowException, OSError):
        return None


def csv_columns(part: Part) -> list[str] | None:
    """Names of the file's columns; None if it cannot be read."""
    try:
        return shown_names(_csv_header(part, _is_quoted(part)))
    except FileFault:
        return None


def _is_quoted(part: Part) -> bool:
    """Whether quotes hold cells together: in every CSV file, and in TSV files whose beginning proves it. Raises FileFault."""
    if part.file.separator == ",":
        return True
    head = b""
    try:
        for piece in utf8_chunks(part.file.path, part.file.input.encoding):
            head += piece
            if len(head) > QUOTES_BYTES:
                break
    except FileFault:  # told by the header's or the rows' reader, which come upon it too
        return quotes_mean_something(head)
    return quotes_mean_something(head)


def _csv_header(part: Part, is_quoted: bool) -> list[str]:
    """Names in the first line that is not empty. Raises FileFault if there is none.

    Read out of memory: Arrow's streaming reader calls Python from a thread of its own, which would abort a process that ends meanwhile.
    """
    rows = WholeRows(iter(Standins(utf8_chunks(part.file.path, part.file.input.encoding))), is_quoted)
    head = b""
    for piece in rows:
        head += piece
        if _FIRST_LINE.search(head):
            break
    read = csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES)
    try:
        return list(csv.read_csv(pa.py_buffer(head), read, _csv_syntax(part, lambda row: "skip", is_quoted)).schema.names)
    except pa.ArrowInvalid:
        raise rows.fault or FileFault("no line with the names of its columns") from None


def _csv_batches(part: Part, content: WholeRows, names: list[str], bad: dict[int, str], is_quoted: bool) -> Iterator[pa.RecordBatch]:
    """All columns as strings: what looks like a number stays as it was written. Rows that do not fit go to `bad`, by number from 0."""

    def refuse(row: csv.InvalidRow) -> str:
        hint = "; it goes over several lines: look for a quote that is not closed" if "\n" in (row.text or "").strip() else ""
        bad[row.number - 2] = f"{row.actual_columns} fields in a table of {row.expected_columns} columns{hint}"
        return "skip"

    read = csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES)
    convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False, check_utf8=False)
    pieces = _Stoppable(iter(content))
    reader = csv.open_csv(ChunkReader(part.file.path, pieces), read, _csv_syntax(part, refuse, is_quoted), convert)
    try:
        yield from reader
    finally:
        # What Arrow reads ahead ends here, not while the process does.
        pieces.is_stopped = True
        with suppress(pa.ArrowException, OSError):
            for _ in reader:
                pass


class _Stoppable:
    """Pieces that can be made to end early, from another thread."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.is_stopped = False
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self.is_stopped:
            raise StopIteration
        return next(self._pieces)


def _csv_syntax(part: Part, refuse: Callable[[csv.InvalidRow], str], is_quoted: bool) -> csv.ParseOptions:
    quote = '"' if is_quoted else False
    return csv.ParseOptions(delimiter=part.file.separator, quote_char=quote, newlines_in_values=is_quoted, invalid_row_handler=refuse)


def _csv_problem(error: Exception) -> str:
    return f"a row is longer than {_CSV_BLOCK_BYTES >> 20} MiB; split it" if "straddling" in str(error) else _first_line(error)


def _row_numbers(n_before: int, n: int, bad: dict[int, str]) -> pa.Array:
    """Numbers of good rows `n_before` up to `n_before + n`, when those in `bad` count too."""
    good = np.arange(n_before, n_before + n)
    # The k-th bad row moves every good row by one whose rank among the good ones is not below `bad - k`.
    return pa.array(good + np.searchsorted(np.sort(list(bad)) - np.arange(len(bad)), good, side="right") if bad else good, pa.int64())


def _unreadable(bad: dict[int, str]) -> pa.RecordBatch:
    builder = BatchBuilder()
    for row, problem in sorted(bad.items()):
        builder.add_unreadable(row, problem)
    return builder.take() if bad else pa.RecordBatch.from_pylist([], schema=RAW)


def _not_readable(part: Part, kind: str, error: Exception) -> FileFault:
    if part.file.path.lower().endswith(COMPRESSIONS):
        return FileFault(f"{kind} files cannot be read out of {os.path.splitext(part.file.path)[1]}; decompress it, as the format compresses by itself")
    return FileFault(f"not a readable {kind} file ({_first_line(error)})")


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]
