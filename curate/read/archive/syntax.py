"""How the records of web archives begin: WARC (ISO 28500, all versions) and its predecessor ARC (versions 1 and 2)."""

import re
from dataclasses import dataclass

from curate.read.archive.headers import Fields


@dataclass(frozen=True)
class Header:
    """What a record says about itself."""

    kind: str
    """`response`, `request`, …, in lower case; "" if it does not say."""
    url: str
    date: str
    content_type: str
    lengths: tuple[int, ...]
    """Bytes of its block; empty if not stated, several if it contradicts itself."""
    truncated: bool = False
    """Whether the crawler says that it cut the block."""
    is_segment: bool = False
    """Whether the block goes on in other records, or is what goes on."""


WARC_START = rb"WARC/\d[\d.]{0,12}[ \t]{0,8}\r?\n[!-9;-~]{1,60}[ \t]{0,8}:"
ARC_START = rb"[A-Za-z][A-Za-z0-9+.-]{1,15}:[^\n]{0,4096} [0-9A-Fa-f.:]{1,45} \d{8,20} [^ \n]{0,256} (?:[^ \n]{1,256} ){0,5}[^ \n]{1,15}[ \t]{0,8}\r?\n"
_ARC_LINE = re.compile(rb"(?P<url>.*) [0-9A-Fa-f.:]+ (?P<date>\d{8,20}) (?P<type>[^ ]*) (?:[^ ]+ ){0,5}(?P<length>[^ ]+?)[ \t]*\r?\n", re.S)


def warc_header(fields: Fields) -> Header:
    """The header of a WARC record."""
    lengths = [int(match[0]) for match in (re.match(r"\d{1,15}", value) for value in fields.all("content-length")) if match]
    url = fields.get("warc-target-uri").strip("<> ")
    truncated = fields.get("warc-truncated").lower() not in ("", "unspecified")
    kind = fields.get("warc-type").lower()
    is_segment = fields.get("warc-segment-number") != ""
    return Header(kind, url, fields.get("warc-date"), fields.get("content-type"), tuple(dict.fromkeys(lengths)), truncated, is_segment)


def arc_header(line: bytes) -> Header | None:
    """The header of an ARC record, one line; None if it is none."""
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
