"""The records of a web archive, recovered across damage.

Three signs tell where a record ends: its length, the end of its gzip member, and the header of the next record. The length is used if the end of a record
follows it; otherwise the first of the other two is used. Each stretch that belongs to no record or cannot be decompressed becomes one entry with a
`problem`, so nothing is skipped silently.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from curate.read.archive.headers import ARC_START, WARC_START, Fields, Header, arc_header, warc_header
from curate.read.archive.lookahead import Lookahead, SeamAt
from curate.read.archive.members import archive_bytes
from curate.read.content.decompress import open_file
from curate.read.content.lines import MAX_RECORD_BYTES, TOO_LONG

MAX_HEADER_BYTES = 1 << 20
HEAD_BYTES = 1 << 16
"""Bytes kept of a block that is too long to keep whole."""
_DOUBTED_BYTES = 4 << 20
"""The end of a record whose stated length is above the limit is searched for within this many bytes."""
_LOOK_BYTES = 256
"""Enough to recognise the beginning of a record, blank lines included."""
_OVERLAP_BYTES = 6000
"""Longer than any match of a record's beginning, so a match that spans two pieces is found."""
_BLANK = re.compile(rb"[\r\n\t ]*")
_END_OF_RECORD = re.compile(rb"[\r\n\t ]*\r?\n[\t ]*\r?\n\Z")
_CLOSES_WARC = re.compile(rb"\r?\n\r?\n")
_CLOSES_ARC = re.compile(rb"\r?\n")


@dataclass(frozen=True)
class Record:
    """A record, or a stretch of the archive without any."""

    position: int
    """Offset of its first byte in the decompressed archive."""
    header: Header | None
    """None for a stretch without a record."""
    block: bytes = b""
    """Its content; only the first `HEAD_BYTES` if it is too long. Empty for records before the requested `start`."""
    problem: str | None = None
    """Why it cannot be read; None if it can."""
    is_damaged: bool = False
    """Whether the archive itself is damaged: bad compression, bytes outside records, a missing end."""


def read_records(path: str, start: int = 0) -> Iterator[Record]:
    """All records of an archive in order, with the blocks of those from decompressed byte `start` on. Raises OSError if the file cannot be opened."""
    with open_file(path) as handle:
        ahead = Lookahead(archive_bytes(handle, _is_start))
        ahead.fill(_LOOK_BYTES)
        is_arc = ahead.window.lstrip().startswith(b"filedesc:")
        yield from _RecordReader(ahead, start, ARC_START if is_arc else WARC_START, is_arc)


def _is_start(head: bytes) -> bool:
    return re.match(WARC_START + b"|" + ARC_START, head.lstrip(b"\xef\xbb\xbf\r\n\t \0")) is not None


class _RecordReader:
    def __init__(self, ahead: Lookahead, start: int, beginning: bytes, is_arc: bool) -> None:
        self._ahead, self._start, self._is_arc = ahead, start, is_arc
        self._begins = re.compile(beginning)
        # The first two lines of a WARC record identify it anywhere; an ARC header is one line and must follow a line feed.
        self._next = re.compile(b"(?<=\n)" + beginning if is_arc else beginning)

    def __iter__(self) -> Iterator[Record]:
        ahead = self._ahead
        if ahead.window.startswith(b"\xef\xbb\xbf"):
            ahead.drop(3)
        while True:
            problem = self._skip_blank()
            if problem is not None:
                yield Record(ahead.position, None, problem=problem, is_damaged=True)
            elif not ahead.window:
                return
            elif self._begins.match(ahead.window):
                yield self._record()
            else:
                position = ahead.position
                if self._is_padding():
                    return
                yield self._stretch(position, "no record of a web archive begins here")

    def _skip_blank(self) -> str | None:
        """Skip white space. Returns a problem if there is damage before the next other byte."""
        ahead = self._ahead
        while True:
            more = ahead.fill(_OVERLAP_BYTES if self._is_arc else _LOOK_BYTES)
            seam = ahead.first_seam()
            match = _BLANK.match(ahead.window)
            n_blank = match.end() if match else 0
            if seam is not None and seam.offset <= n_blank:
                ahead.drop(seam.offset)
                ahead.pop_seam()
                if seam.problem is not None:
                    return seam.problem
                continue
            ahead.drop(n_blank)
            if not more or n_blank == 0:
                return None

    def _is_padding(self) -> bool:
        """Skip zeros. Returns whether they reach the end of the archive, as padding after the last member does."""
        ahead = self._ahead
        while not any(seam.problem for seam in ahead.seams()):
            n_zeros = len(ahead.window) - len(ahead.window.lstrip(b"\0"))
            ahead.drop(n_zeros)
            if ahead.window or not ahead.pull():
                return not ahead.window
        return False

    def _stretch(self, position: int, why: str) -> Record:
        """Skip to the next record or to damage. The damage, if any, is the problem of the stretch."""
        damage = self._pass_over(None)
        n_bytes = self._ahead.position - position
        return Record(position, None, problem=damage or f"{why}; {n_bytes:,} bytes were passed over", is_damaged=True)

    def _record(self) -> Record:
        position = self._ahead.position
        header = self._header()
        if header is None:
            return self._stretch(position, "the header of a record is cut short")
        for length in header.lengths:
            if self._is_right(length):
                return self._take(position, header, length, None)
        stated = min(header.lengths) if header.lengths and min(header.lengths) > MAX_RECORD_BYTES else None
        end, seam = self._find_end(MAX_RECORD_BYTES if stated is None else _DOUBTED_BYTES)
        if end is None:
            return self._too_long(position, header, stated)
        if seam is not None and seam.problem is not None:
            record = self._take(position, header, end, seam.problem, is_damaged=True)
            self._ahead.pop_seam()
            return record
        problem = self._shortage(header, end)
        is_last = end == len(self._ahead.window)
        return self._take(position, header, end, problem, is_damaged=problem is not None and is_last)

    def _too_long(self, position: int, header: Header, length: int | None) -> Record:
        self._ahead.fill(HEAD_BYTES)
        block = self._kept(position, HEAD_BYTES)
        damage = self._pass_over(length)
        return Record(position, header, block, problem=damage or TOO_LONG, is_damaged=damage is not None)

    def _shortage(self, header: Header, end: int) -> str | None:
        """The problem of a block shorter than stated. None if the end of a record closes it, since then only the length is wrong."""
        if not header.lengths or end >= header.lengths[0] or _END_OF_RECORD.search(self._ahead.window, max(end - 64, 0), end):
            return None
        return f"record is cut short: {end:,} of {header.lengths[0]:,} bytes"

    def _take(self, position: int, header: Header, length: int, problem: str | None, is_damaged: bool = False) -> Record:
        record = Record(position, header, self._kept(position, length), problem, is_damaged)
        self._ahead.drop(length)
        return record

    def _kept(self, position: int, length: int) -> bytes:
        return bytes(self._ahead.window[:length]) if position >= self._start else b""

    def _is_right(self, length: int) -> bool:
        """Whether a record ends after `length` bytes: no other record begins before, and blank lines, a record or the archive's end follow."""
        ahead = self._ahead
        if length > MAX_RECORD_BYTES:
            return False
        ahead.fill(length + _LOOK_BYTES)
        if self._first_end(length) is not None or len(ahead.window) < length:
            return False
        match = _BLANK.match(ahead.window, length)
        after = match.end() if match else length
        for seam in ahead.seams():
            if seam.offset >= length:
                if seam.offset <= after:
                    return seam.problem is None
                break
        closed = (_CLOSES_ARC if self._is_arc else _CLOSES_WARC).match(ahead.window, length)
        return closed is not None or after == len(ahead.window) or self._begins.match(ahead.window, after) is not None

    def _first_end(self, limit: int) -> SeamAt | None:
        """The first seam within `limit` bytes at which a record must end: damage, or the end of a member that another record follows.

        Other seams before it are removed: archives may be compressed in members of equal size.
        """
        ahead = self._ahead
        while (seam := ahead.first_seam()) is not None and seam.offset < limit:
            ahead.fill(seam.offset + _LOOK_BYTES)
            match = _BLANK.match(ahead.window, seam.offset)
            after = match.end() if match else seam.offset
            if after >= limit:  # only white space of the block is left after the seam
                return next((seam for seam in ahead.seams() if seam.offset < limit and seam.problem is not None), None)
            if seam.problem is not None or after == len(ahead.window) or self._begins.match(ahead.window, after):
                return seam
            ahead.pop_seam()
        return None

    def _find_end(self, limit: int) -> tuple[int | None, SeamAt | None]:
        """Offset of the next record or damage, and the seam there if any. The offset is None if there is neither within `limit` bytes."""
        ahead = self._ahead
        if self._begins.match(ahead.window):
            return 0, None
        searched = 0
        while True:
            n_bytes = len(ahead.window)
            match = self._next.search(ahead.window, max(searched - _OVERLAP_BYTES, 0), n_bytes)
            searched = n_bytes
            seam = self._first_end(match.start() + 1 if match else n_bytes + 1)
            if seam is not None:
                return seam.offset, seam
            if match is not None:
                return match.start(), None
            if n_bytes > limit:
                return None, None
            if len(ahead.window) == n_bytes and not ahead.pull():
                return n_bytes, None

    def _pass_over(self, length: int | None) -> str | None:
        """Skip to the next record, or `length` bytes if none begins before, keeping nothing. Returns the problem of damage on the way."""
        ahead = self._ahead
        while True:
            end, seam = self._find_end(4 * _OVERLAP_BYTES)
            step = len(ahead.window) - _OVERLAP_BYTES if end is None else end
            if length is not None and length < step:
                ahead.drop(length)
                return None
            ahead.drop(step)
            if end is not None:
                if seam is None or seam.problem is None:
                    return None
                ahead.pop_seam()
                return seam.problem
            length = None if length is None else length - step

    def _header(self) -> Header | None:
        """Consume the header. None if it ends before a blank line; then the window begins where it ends."""
        return self._arc_header() if self._is_arc else self._warc_header()

    def _arc_header(self) -> Header | None:
        end = self._ahead.window.index(b"\n") + 1
        header = arc_header(bytes(self._ahead.window[:end]))
        self._ahead.drop(end)
        return header

    def _warc_header(self) -> Header | None:
        """Consume lines up to a blank line. A line that is not a field also ends the header once type and length are known; else it is skipped."""
        ahead, fields, at = self._ahead, Fields(), 0
        while True:
            end = self._line_end(at)
            seam = self._first_end(at + 1 if end is None else end)
            if end is None or seam is not None or end > MAX_HEADER_BYTES:
                ahead.drop(at if seam is None else seam.offset)
                return None
            line = bytes(ahead.window[at:end]).rstrip(b"\r\n")
            if at > 0 and not line.strip():
                ahead.drop(end)
                return warc_header(fields)
            if at > 0 and not fields.add_line(line):
                if self._begins.match(ahead.window, at):
                    ahead.drop(at)
                    return None
                if fields.get("warc-type") and fields.get("content-length"):
                    ahead.drop(at)
                    return warc_header(fields)
            at = end

    def _line_end(self, at: int) -> int | None:
        ahead, searched = self._ahead, at
        while (end := ahead.window.find(b"\n", searched)) < 0:
            searched = len(ahead.window)
            if searched - at > MAX_HEADER_BYTES or not ahead.pull():
                return None
        return end + 1
