r"""Blocks of whole lines from any stripe of a file, with exact row numbers.

A stripe is a range of decompressed bytes; a line belongs to the stripe that contains its first byte. To read a stripe of a compressed file, everything
before it is decompressed, but there only newlines are counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from curate.read.batch import FileFault

BLOCK_BYTES = 4 << 20
MAX_RECORD_BYTES = 256 << 20
"""A longer line, or a longer file read as one document, is unreadable: each step would need several times its size in memory."""
TOO_LONG = f"longer than {MAX_RECORD_BYTES >> 20} MiB; split it"


@dataclass(frozen=True)
class LineBlock:
    r"""Whole lines with their \n (the last of the file may lack it). `row` is the number of the first. `data` is None for a single line that is too long."""

    row: int
    data: bytes | None


def line_blocks(pieces: Iterator[bytes], start: int = 0, stop: int | None = None, longest: int = MAX_RECORD_BYTES) -> Iterator[LineBlock]:
    """The lines that begin at bytes `start` up to `stop` of consecutive pieces, in blocks of at least `BLOCK_BYTES` except the last one.

    A line of more than `longest` bytes that spans several pieces is not kept in memory. Raises FileFault after the last whole line if the file is damaged
    inside the stripe; damage elsewhere is reported by other stripes.
    """
    stripe = _Stripe(start, stop)
    gathered = _Gathered(min(longest, MAX_RECORD_BYTES))
    position = 0
    try:
        for chunk in pieces:
            piece = stripe.take(chunk, position)
            position += len(chunk)
            if piece:
                yield from gathered.add(piece, stripe.first_row)
            if stripe.ended:
                break
    except FileFault:
        yield from gathered.rest(whole_only=True)
        if position == 0 or (position >= start and not stripe.ended and (stop is None or position < stop)):
            raise
        return
    yield from gathered.rest()


class _Stripe:
    """Selects the bytes of consecutive chunks that belong to a stripe, and counts the lines before it."""

    def __init__(self, start: int, stop: int | None) -> None:
        self._start, self._stop = start, stop
        self._begun = start == 0
        self.first_row = 0
        self.ended = False

    def take(self, chunk: bytes, position: int) -> bytes:
        begin, end = 0, len(chunk)
        if not self._begun:
            # A line that begins at `start` follows a newline at `start - 1`.
            begin = chunk.find(b"\n", max(self._start - 1 - position, 0)) + 1 if position + end >= self._start else 0
            self.first_row += chunk.count(b"\n", 0, begin or end)
            if not begin:
                return b""
            self._begun = True
            self.ended = self._stop is not None and position + begin >= self._stop
        if not self.ended and self._stop is not None and position + end >= self._stop:
            newline = chunk.find(b"\n", max(self._stop - 1 - position, begin))
            if newline >= 0:
                self.ended, end = True, newline + 1
        elif self.ended:
            return b""
        return chunk if begin == 0 and end == len(chunk) else chunk[begin:end]


class _Gathered:
    """Joins pieces of a stripe to blocks that end with a newline."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._whole: list[bytes] = []  # up to the last newline
        self._open: list[bytes] = []  # the unfinished line after it
        self._n_whole = self._n_open = 0
        self._row = 0
        self._too_long = False

    def add(self, piece: bytes, first_row: int) -> Iterator[LineBlock]:
        self._row = self._row or first_row
        head, newline, tail = piece.rpartition(b"\n")
        if newline:
            if self._too_long:
                yield self._give_up()
                _, more, head = head.partition(b"\n")
                newline = newline if more else b""
            self._whole += [*self._open, head, newline]
            self._n_whole += self._n_open + len(head) + len(newline)
            self._open, self._n_open = [], 0
        if not self._too_long:
            self._open.append(tail)
            self._n_open += len(tail)
        if self._n_whole >= BLOCK_BYTES:
            yield self._take()
        if self._n_open > self._longest:
            if self._whole:
                yield self._take()
            self._open, self._n_open, self._too_long = [], 0, True

    def rest(self, whole_only: bool = False) -> Iterator[LineBlock]:
        """The remaining lines at the end of the stripe. `whole_only`: without an unfinished last line."""
        if not whole_only:
            self._whole += self._open
        if self._whole:
            yield self._take()
        if self._too_long and not whole_only:
            yield self._give_up()

    def _take(self) -> LineBlock:
        block = LineBlock(self._row, b"".join(self._whole))
        self._row += block.data.count(b"\n") if block.data else 0
        self._whole, self._n_whole = [], 0
        return block

    def _give_up(self) -> LineBlock:
        self._too_long = False
        self._row += 1
        return LineBlock(self._row - 1, None)
