"""CSV and TSV files."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv

from curate.read.batch import RAW, BatchBuilder, FileFault
from curate.read.content.decompress import ChunkReader
from curate.read.content.encodings import utf8_chunks
from curate.read.part import FilePart, InputFile
from curate.read.table.columns import batch_rows, first_line, need_column, raw_batch
from curate.read.table.csv_content import QUOTES_BYTES, Standins, WholeRows, quotes_mean_something, shown_names, without_standins

_CSV_BLOCK_BYTES = 32 << 20
"""A longer row ends the reading of its file."""
_FIRST_LINE = re.compile(rb"[^\r\n][\r\n]")


def read_csv(part: FilePart) -> Iterator[pa.RecordBatch]:
    """Raw documents of a CSV file, or of a TSV file by its name; the first line names the columns.

    A row with too many or too few fields is unreadable. So is the last row if a quote in it is not closed, because it swallows all lines after it.
    Raises FileFault, after the last whole row before the damage, if the file is damaged or lacks the text column.
    """
    bad: dict[int, str] = {}
    n_good = 0
    standins = Standins(utf8_chunks(part.file.path, part.file.input.encoding))
    is_quoted = _is_quoted(part.file)
    content = WholeRows(iter(standins), is_quoted)
    names = _csv_header(part.file, is_quoted)
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
        raise FileFault(f"a quote in row {max(bad)} is not closed; all lines after it are lost in that row")
    if content.fault is not None:
        raise FileFault(f"{content.fault}; {n_good + len(bad)} rows before that were read")


def csv_columns(file: InputFile) -> list[str]:
    """Names of the file's columns. Raises FileFault if it cannot be read."""
    return shown_names(_csv_header(file, _is_quoted(file)))


def _is_quoted(file: InputFile) -> bool:
    """Whether quotes delimit cells: in every CSV file, and in TSV files whose beginning proves it."""
    if file.separator == ",":
        return True
    head = b""
    try:
        for piece in utf8_chunks(file.path, file.input.encoding):
            head += piece
            if len(head) > QUOTES_BYTES:
                break
    except FileFault:  # reading the header or the rows meets the fault again and reports it
        pass
    return quotes_mean_something(head)


def _csv_header(file: InputFile, is_quoted: bool) -> list[str]:
    """Names in the first line that is not empty. Raises FileFault if there is none.

    Parsed in memory: Arrow's streaming reader calls Python from its own thread, which would abort a process that ends meanwhile.
    """
    rows = WholeRows(iter(Standins(utf8_chunks(file.path, file.input.encoding))), is_quoted)
    head = b""
    for piece in rows:
        head += piece
        if _FIRST_LINE.search(head):
            break
    read = csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES)
    try:
        return list(csv.read_csv(pa.py_buffer(head), read, _csv_syntax(file.separator, lambda row: "skip", is_quoted)).schema.names)
    except pa.ArrowInvalid:
        raise rows.fault or FileFault("no line with column names") from None


def _csv_batches(part: FilePart, content: WholeRows, names: list[str], bad: dict[int, str], is_quoted: bool) -> Iterator[pa.RecordBatch]:
    """All columns as strings, so numbers stay as they were written. Rows with a wrong number of fields go to `bad`: row number from 0 → problem."""

    def refuse(row: csv.InvalidRow) -> str:
        hint = "; it goes over several lines: look for a quote that is not closed" if "\n" in (row.text or "").strip() else ""
        bad[row.number - 2] = f"{row.actual_columns} fields in a table of {row.expected_columns} columns{hint}"
        return "skip"

    read = csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES)
    convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False, check_utf8=False)
    pieces = _Stoppable(iter(content))
    reader = csv.open_csv(ChunkReader(pieces), read, _csv_syntax(part.file.separator, refuse, is_quoted), convert)
    try:
        yield from reader
    finally:
        # Stop Arrow's read-ahead thread now; it must not run while the process ends.
        pieces.is_stopped = True
        with suppress(pa.ArrowException, OSError):
            for _ in reader:
                pass


class _Stoppable:
    """An iterator of pieces that another thread can stop."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.is_stopped = False
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self.is_stopped:
            raise StopIteration
        return next(self._pieces)


def _csv_syntax(separator: str, refuse: Callable[[csv.InvalidRow], str], is_quoted: bool) -> csv.ParseOptions:
    quote = '"' if is_quoted else False
    return csv.ParseOptions(delimiter=separator, quote_char=quote, newlines_in_values=is_quoted, invalid_row_handler=refuse)


def _csv_problem(error: Exception) -> str:
    return f"a row is longer than {_CSV_BLOCK_BYTES >> 20} MiB; split it" if "straddling" in str(error) else first_line(error)


def _row_numbers(n_before: int, n: int, bad: dict[int, str]) -> pa.Array:
    """Row numbers of the good rows `n_before` up to `n_before + n`, counting the rows in `bad` too."""
    good = np.arange(n_before, n_before + n)
    # The k-th bad row shifts by one every good row whose rank among the good rows is at least `bad - k`.
    return pa.array(good + np.searchsorted(np.sort(list(bad)) - np.arange(len(bad)), good, side="right") if bad else good, pa.int64())


def _unreadable(bad: dict[int, str]) -> pa.RecordBatch:
    builder = BatchBuilder()
    for row, problem in sorted(bad.items()):
        builder.add_unreadable(row, problem)
    return builder.take() if bad else pa.RecordBatch.from_pylist([], schema=RAW)
