"""HTTP responses as crawlers stored them: status, fields and body, parsed leniently (RFC 9112 defines the correct form)."""

import re
from dataclasses import dataclass

from curate.read.archive.headers import Fields

MAX_HEAD_BYTES = 1 << 18
_LINE_BYTES = 1 << 12
_STATUS_LINE = re.compile(rb"(?:HTTP(?:/\d[\d.]*)?|ICY)[ \t]+(\d{3})(?:[ \t][^\n]*)?\r?\n", re.I)
_LINE_ENDS = re.compile(rb"[\r\n]*")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.I)


@dataclass(frozen=True)
class Message:
    """A response: status (None if not stated), fields, and the body as it was sent."""

    status: int | None
    fields: Fields
    block: bytes
    """Head and body."""
    n_head: int
    """Bytes of the head."""

    @classmethod
    def without_head(cls, content_type: str, body: bytes) -> "Message":
        """Content stored without an HTTP head."""
        fields = Fields()
        fields.add("content-type", content_type)
        return cls(None, fields, body, 0)

    @property
    def body(self) -> bytes:
        """The body as it was sent. Each access copies it, so skipped content is never copied."""
        return self.block[self.n_head :]

    @property
    def media_type(self) -> str:
        """`text/html`, in lower case and without parameters; "" if not stated."""
        return media_type(self.fields.get("content-type"))

    @property
    def charset(self) -> str | None:
        """The charset stated by the server; None if not stated."""
        return charset(self.fields.get("content-type"))


def media_type(content_type: str) -> str:
    """The media type of a `Content-Type`, in lower case and without parameters."""
    return content_type.partition(";")[0].partition(",")[0].strip().strip("\"'").lower()


def charset(content_type: str) -> str | None:
    """The `charset` parameter of a `Content-Type`, quoted or not."""
    match = _CHARSET.search(content_type)
    return match[1] if match else None


def is_response(block: bytes) -> bool:
    """Whether the block begins with an HTTP status line."""
    return _STATUS_LINE.match(block[:_LINE_BYTES].lstrip()) is not None


def parse_response(block: bytes) -> Message:
    """Parse a record's block. Without a head, the whole block is the body. Interim responses (100 Continue) are skipped."""
    start = 0
    while True:
        status, fields, start = _head(block, start)
        if status is None or not 100 <= status < 200 or not is_response(block[start : start + _LINE_BYTES]):
            return Message(status, fields, block, start)


def _head(block: bytes, at: int) -> tuple[int | None, Fields, int]:
    """Status, fields and start of the body: after a blank line or, if there is none, at the first line that is not a field."""
    stop = min(len(block), at + MAX_HEAD_BYTES)
    at = _LINE_ENDS.match(block, at).end()  # type: ignore[union-attr]
    match = _STATUS_LINE.match(block, at)
    status = int(match[1]) if match else None
    at = match.end() if match else at
    fields, is_empty, first_other = Fields(), match is None, None
    while at < stop:
        end = block.find(b"\n", at) + 1 or len(block)
        line = block[at:end].rstrip(b"\r\n")
        if not line.strip():
            return _status(status, fields), fields, end
        if line.lstrip()[:1] == b"<":
            return _status(status, fields), fields, at
        if fields.add_line(line):
            is_empty = False
        elif is_empty:
            return status, fields, at
        elif first_other is None:
            first_other = at
        at = end
    return _status(status, fields), fields, at if first_other is None else first_other


def _status(status: int | None, fields: Fields) -> int | None:
    """The status from the status line, else from HTTP/2's `:status`."""
    stated = fields.get("status")[:3]
    return int(stated) if status is None and stated.isdecimal() and len(stated) == 3 else status
