"""The records of a web archive, by its own structure, past whatever is wrong in it.

Where a record ends is said three times: by its length, by the end of its gzip member, and by the header of the next one. The length is believed if
what follows it is the end of a record; else the first of the other two is. What belongs to no record, and what cannot be decompressed, becomes one
entry with a `problem` for each such stretch, so nothing is passed over in silence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from curate.read.archive.headers import Fields
from curate.read.archive.lookahead import Lookahead, SeamAt
from curate.read.archive.members import archive_bytes
from curate.read.archive.syntax import ARC_START, WARC_START, Header, arc_header, warc_header
from curate.read.content.decompress import open_file
from curate.read.content.lines import MAX_RECORD_BYTES, TOO_LONG

MAX_HEADER_BYTES = 1 << 20
HEAD_BYTES = 1 << 16
"""What is kept of a block that is too long to be kept whole."""
_DOUBTED_BYTES = 4 << 20
"""Within this many, the end of a record is looked for that states more than is kept."""
_LOOK_BYTES = 256
"""Enough to recognise the beginning of a record, blank lines included."""
_OVERLAP_BYTES = 6000
"""Longer than any match of a record's beginning, which may lie across two pieces."""
_BLANK = re.compile(rb"[\r\n\t ]*")
_END_OF_RECORD = re.compile(rb"[\r\n\t ]*\r?\n[\t ]*\r?\n\Z")
_CLOSES_WARC = re.compile(rb"\r?\n\r?\n")
_CLOSES_ARC = re.compile(rb"\r?\n")


@dataclass(frozen=True)
class Record:
    """A record, or a stretch that holds none."""

    position: int
    """Decompressed byte of the archive at which it begins."""
    header: Header | None
    """None for a stretch that is damaged or no record."""
    block: bytes = b""
    """Its content, of one that is too long the first `HEAD_BYTES`. Empty before the `start` that was asked for."""
    problem: str | None = None
    """Why it cannot be read."""
    is_damaged: bool = False
    """Whether the problem is one of the archive: damaged compression, bytes that are no record, an end that is missing."""


def read_records(path: str, start: int = 0) -> Iterator[Record]:
    """All records of an archive in order; blocks of those from decompressed byte `start` on. Raises OSError if the file cannot be opened."""
    with open_file(path) as handle:
        ahead = Lookahead(archive_bytes(handle, _is_start))
        ahead.fill(_LOOK_BYTES)
        is_arc = ahead.window.lstrip().startswith(b"filedesc:")
        yield from _Walk(ahead, start, ARC_START if is_arc else WARC_START, is_arc)


def _is_start(head: bytes) -> bool:
    return re.match(WARC_START + b"|" + ARC_START, head.lstrip(b"\xef\xbb\xbf\r\n\t \0")) is not None


class _Walk:
    def __init__(self, ahead: Lookahead, start: int, beginning: bytes, is_arc: bool) -> None:
        self._ahead, self._start, self._is_arc = ahead, start, is_arc
        self._begins = re.compile(beginning)
        # The first two lines of a WARC record are sign enough; an ARC record is a single line.
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
        """Go to the next byte that is not white space. Returns a problem if there is damage before it."""
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
        """Whether there is nothing but zeros up to the end, as behind the members of a compressed archive. Passes over the zeros that there are."""
        ahead = self._ahead
        while not any(seam.problem for seam in ahead.seams()):
            n_zeros = len(ahead.window) - len(ahead.window.lstrip(b"\0"))
            ahead.drop(n_zeros)
            if ahead.window or not ahead.pull():
                return not ahead.window
        return False

    def _stretch(self, position: int, why: str) -> Record:
        """Pass over what is no record, up to the next one or up to damage, which is then the reason."""
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
        """A block that is shorter than stated is whole if a record's end closes it, since then the length is what is wrong."""
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
        """Whether a record ends `length` bytes on: there is no beginning of another before, and then blank lines, a record, or the end."""
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
        """The first seam less than `limit` bytes on at which a record must end: damage, or a member behind which another record begins.

        Other seams on the way are forgotten: archives may be compressed in members of equal size.
        """
        ahead = self._ahead
        while (seam := ahead.first_seam()) is not None and seam.offset < limit:
            ahead.fill(seam.offset + _LOOK_BYTES)
            match = _BLANK.match(ahead.window, seam.offset)
            after = match.end() if match else seam.offset
            if after >= limit:  # nothing but white space of the block is left behind the seam
                return next((seam for seam in ahead.seams() if seam.offset < limit and seam.problem is not None), None)
            if seam.problem is not None or after == len(ahead.window) or self._begins.match(ahead.window, after):
                return seam
            ahead.pop_seam()
        return None

    def _find_end(self, limit: int) -> tuple[int | None, SeamAt | None]:
        """Where, within `limit` bytes, the next record or damage is; the seam if it is at one. None: not within the limit."""
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
        """Go to the next record, or `length` bytes on if none begins before, without keeping anything. Returns what is damaged on the way."""
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
        """Take the header. None if it ends before a blank line; then the window is where it ends."""
        return self._arc_header() if self._is_arc else self._warc_header()

    def _arc_header(self) -> Header | None:
        end = self._ahead.window.index(b"\n") + 1
        header = arc_header(bytes(self._ahead.window[:end]))
        self._ahead.drop(end)
        return header

    def _warc_header(self) -> Header | None:
        """Lines up to a blank one; a line that is no field ends it too once type and length are known, else it is passed over."""
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
        ahead, looked = self._ahead, at
        while (end := ahead.window.find(b"\n", looked)) < 0:
            looked = len(ahead.window)
            if looked - at > MAX_HEADER_BYTES or not ahead.pull():
                return None
        return end + 1
