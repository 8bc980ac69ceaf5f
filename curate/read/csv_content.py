"""CSV files as bytes for Arrow's reader, which gives nothing of a block whose end it cannot read."""

from collections.abc import Iterator

import numpy as np

from curate.read.batch import FileFault

_QUOTE, _NEWLINE = 34, 10


class WholeRows:
    """Pieces up to the last whole row before a fault, which is kept in `fault` instead of raised. Iterate once.

    A line feed ends a row if the number of quotes before it is even (RFC 4180).
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.fault: FileFault | None = None
        self._pieces = pieces
        self._n_quotes = 0
        self._open: list[bytes] = []  # pieces after the last one in which a row ended

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
        data = np.frombuffer(piece, np.uint8)
        newlines = np.flatnonzero(data == _NEWLINE)
        if b'"' not in piece:
            ends = newlines if self._n_quotes % 2 == 0 else newlines[:0]
        else:
            n_quotes = self._n_quotes + np.cumsum(data == _QUOTE)
            ends, self._n_quotes = newlines[n_quotes[newlines] % 2 == 0], int(n_quotes[-1])
        return int(ends[-1]) + 1 if len(ends) else 0
