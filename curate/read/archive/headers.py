"""Headers of WARC (ISO 28500, all versions), its predecessor ARC (versions 1 and 2) and HTTP, as crawls contain them.

Lines may end in CR LF or LF, values may be folded, names repeated, and the final blank line missing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FIELD = re.compile(rb":?([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*(.*)", re.S)


class Fields:
    """Header fields: names in lower case to their values, in order."""

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}
        self._last: list[str] | None = None

    def add_line(self, line: bytes) -> bool:
        """Add a line without its line end: a field or the folded continuation of the last one. Returns False if it is neither."""
        if line[:1] in b" \t" and line and self._last is not None:
            self._last[-1] = f"{self._last[-1]} {_text(line)}".strip()
            return True
        match = _FIELD.fullmatch(line)
        if match is None:
            return False
        self.add(match[1].decode("ascii").lower(), _text(match[2]))
        return True

    def add(self, name: str, value: str) -> None:
        """Add a value; `name` is in lower case."""
        self._last = self._values.setdefault(name, [])
        self._last.append(value)

    def get(self, name: str) -> str:
        """The first value that is not empty; "" if there is none."""
        return next(filter(None, self._values.get(name, ())), "")

    def all(self, name: str) -> list[str]:
        """All values of the name, in order; [] if there is none."""
        return self._values.get(name, [])

    def tokens(self, name: str) -> list[str]:
        """Elements of lists such as `gzip, chunked` in all fields of the name, in lower case and without parameters."""
        elements: Iterable[str] = ",".join(self.all(name)).split(",")
        return [token for token in (element.partition(";")[0].strip().strip("\"'").lower() for element in elements) if token]


def _text(value: bytes) -> str:
    return value.strip().decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Header:
    """Header of a record in a web archive."""

    kind: str
    """`response`, `request`, … in lower case; "" if not stated."""
    url: str
    date: str
    content_type: str
    lengths: tuple[int, ...]
    """Bytes of the block: () if not stated, several if the header contradicts itself."""
    truncated: bool = False
    """Whether the crawler states that it truncated the block."""
    is_segment: bool = False
    """Whether the block is one segment of a record that was split."""


WARC_START = rb"WARC/\d[\d.]{0,12}[ \t]{0,8}\r?\n[!-9;-~]{1,60}[ \t]{0,8}:"
ARC_START = rb"[A-Za-z][A-Za-z0-9+.-]{1,15}:[^\n]{0,4096} [0-9A-Fa-f.:]{1,45} \d{8,20} [^ \n]{0,256} (?:[^ \n]{1,256} ){0,5}[^ \n]{1,15}[ \t]{0,8}\r?\n"
_ARC_LINE = re.compile(rb"(?P<url>.*) [0-9A-Fa-f.:]+ (?P<date>\d{8,20}) (?P<type>[^ ]*) (?:[^ ]+ ){0,5}(?P<length>[^ ]+?)[ \t]*\r?\n", re.S)


def warc_header(fields: Fields) -> Header:
    """A record's header from the fields of a WARC header."""
    lengths = [int(match[0]) for match in (re.match(r"\d{1,15}", value) for value in fields.all("content-length")) if match]
    url = fields.get("warc-target-uri").strip("<> ")
    truncated = fields.get("warc-truncated").lower() not in ("", "unspecified")
    kind = fields.get("warc-type").lower()
    is_segment = fields.get("warc-segment-number") != ""
    return Header(kind, url, fields.get("warc-date"), fields.get("content-type"), tuple(dict.fromkeys(lengths)), truncated, is_segment)


def arc_header(line: bytes) -> Header | None:
    """A record's header from a line of an ARC file; None if the line is not a header."""
    match = _ARC_LINE.fullmatch(line)
    if match is None:
        return None
    url = match["url"].decode("utf-8", errors="replace")
    kind = "warcinfo" if url.startswith("filedesc:") else "response"
    lengths = (int(match["length"]),) if match["length"].isdigit() else ()
    return Header(kind, url, _iso_date(match["date"].decode()), match["type"].decode("latin-1"), lengths)


def _iso_date(digits: str) -> str:
    """20240501103000 → 2024-05-01T10:30:00Z, as in WARC."""
    whole = digits.ljust(14, "0")
    return f"{whole[:4]}-{whole[4:6]}-{whole[6:8]}T{whole[8:10]}:{whole[10:12]}:{whole[12:]}Z"
