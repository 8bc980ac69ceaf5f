"""CSV bytes prepared for Arrow's reader, which loses a whole block if it cannot read its end; and whether a TSV file uses quotes."""

import codecs
import csv
import io
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from curate.read.batch import FileFault

_FIRST_STANDIN = 0x10FF00
_STANDIN = re.compile("[\U0010ff80-\U0010ffff]")
_MARKED = "curate.standins"
_QUOTED_CELL = re.compile('"(?:[^"]|"")*"')
QUOTES_BYTES = 1 << 16
"""Bytes searched for quotes. Less than the longest cell that Python's CSV reader takes."""


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "".join(chr(_FIRST_STANDIN + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_MARKED, _stand_in)


class Standins:
    """Pieces in which each byte that is not UTF-8 becomes a private-use character: Arrow's reader would lose a ragged row that is not UTF-8."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.is_needed = False
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        lenient = codecs.getincrementaldecoder("utf-8")(_MARKED)
        for piece, is_last in _with_end(self._pieces):
            before = decoder.getstate()
            try:
                text = decoder.decode(piece, is_last)
            except UnicodeDecodeError:
                self.is_needed = True
                lenient.setstate(before)
                text = lenient.decode(piece, is_last)
                decoder.setstate(lenient.getstate())
            yield text.encode()


def _with_end(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    for piece in pieces:
        yield piece, False
    yield b"", True


def without_standins(batch: pa.RecordBatch, text_column: str) -> pa.RecordBatch:
    """Restore the original bytes of the text column. In names and other columns, bytes that are not UTF-8 become U+FFFD."""
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name == text_column:
            columns.append(pa.array([None if text is None else _restored(text) for text in column.to_pylist()], pa.large_binary()))
        else:
            columns.append(pc.replace_substring_regex(column, _STANDIN.pattern, "\ufffd"))
    return pa.record_batch(columns, names=shown_names(batch.schema.names))


def shown_names(names: list[str]) -> list[str]:
    """Column names with U+FFFD for bytes that are not UTF-8."""
    return [_STANDIN.sub("\ufffd", name) for name in names]


def _restored(text: str) -> bytes:
    pieces = _STANDIN.split(text)
    bytes_between = [bytes([ord(char) - _FIRST_STANDIN]) for char in _STANDIN.findall(text)] + [b""]
    return b"".join(part for piece, byte in zip(pieces, bytes_between, strict=True) for part in (piece.encode(), byte))


def quotes_mean_something(head: bytes) -> bool:
    """Whether the first `QUOTES_BYTES` of a TSV file prove that cells are quoted as in CSV.

    TSV has no quotes by definition (IANA, text/tab-separated-values), but many programs write them. They are proven if every quote follows RFC 4180, and
    either each closes on its own line, or more rows fit the header if quoted cells may span lines.
    """
    text = head[:QUOTES_BYTES].decode("latin-1")
    is_cut = len(head) > QUOTES_BYTES
    plain = [line.rstrip("\r\n").split("\t") for line in io.StringIO(text, newline="")]
    begun = [cell for cells in plain for cell in cells if cell.startswith('"')]
    if not begun:
        return False
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True))
    except csv.Error as error:
        if not is_cut or "unexpected end" not in str(error):
            return False
    if is_cut:  # the last line may end inside a cell
        begun = begun[:-1] if plain[-1][-1] == begun[-1] else begun
    return all(map(_QUOTED_CELL.fullmatch, begun)) or _n_misfits(rows) < _n_misfits(plain)


def _n_misfits(rows: list[list[str]]) -> int:
    """Number of rows whose number of cells differs from the first row's; empty rows do not count."""
    return sum(len(row) != len(rows[0]) for row in rows if row not in ([], [""]))


class WholeRows:
    """Pieces up to the last whole row before a fault. The fault is kept in `fault` instead of raised. Iterate once.

    A line feed ends a row if the number of quotes before it is even (RFC 4180), or if the file has no quoting.
    """

    def __init__(self, pieces: Iterator[bytes], is_quoted: bool = True) -> None:
        self.fault: FileFault | None = None
        self._pieces = pieces
        self._is_quoted = is_quoted
        self._n_quotes = 0
        self._open: list[bytes] = []  # pieces since the last end of a row

    @property
    def ends_in_quotes(self) -> bool:
        """After the last piece: whether the number of quotes is odd, so one is not closed or occurs in an unquoted field."""
        return self._n_quotes % 2 == 1

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces:
                end = self._last_row_end(piece)
                if end:
                    yield b"".join([*self._open, piece[:end]])
                    self._open = []
                if piece[end:]:
                    self._open.append(piece[end:])
        except FileFault as fault:
            self.fault = fault
            return
        yield from self._open

    def _last_row_end(self, piece: bytes) -> int:
        """Position after the last line feed that ends a row; 0 if there is none."""
        if not self._is_quoted:
            return piece.rfind(b"\n") + 1
        self._n_quotes += piece.count(b'"')
        n_quotes, end = self._n_quotes, len(piece)
        while (newline := piece.rfind(b"\n", 0, end)) >= 0:
            n_quotes -= piece.count(b'"', newline, end)
            if n_quotes % 2 == 0:
                return newline + 1
            end = newline
        return 0
