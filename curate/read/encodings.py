"""Bytes of any encoding to UTF-8, in a stream, and what encoding bytes look like that are not UTF-8."""

import codecs
import re
from collections.abc import Iterator

from resiliparse.parse.encoding import detect_encoding

from curate.read.batch import FileFault
from curate.read.stream import chunks
from curate.recipe import encoding_name

# UTF-32's little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DAMAGED = "curate.damaged"
_ASCII_RUN = re.compile(rb"[\t\n\r\x20-\x7e]{40}")
_BEFORE, _PROBE_BYTES = 2_000, 1 << 16
_LEAST_BYTES = 10
"""Beyond ASCII, for a guess that is worth a word."""


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    """Half of a surrogate pair for bytes that mean nothing: never UTF-8, so that the record they lie in is told, and no other."""
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


codecs.register_error(_DAMAGED, _mark_damage)


def utf8_chunks(path: str, encoding: str | None) -> Iterator[bytes]:
    """The file's decompressed content in UTF-8, in pieces of bounded size, without a byte order mark.

    Without `encoding` the bytes are given as they are, unless a mark says that they are UTF-16 or UTF-32. Bytes that the encoding does not know become
    bytes that are not UTF-8. Raises FileFault as `chunks`, and for UTF-16 and UTF-32 whose order of bytes is unknown.
    """
    pieces = chunks(path)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= 4:
            break
    if encoding is None:
        encoding = _marked(head)
    if encoding == "utf-8":
        head = head.removeprefix(codecs.BOM_UTF8)
        if head:
            yield head
        yield from pieces
    else:
        yield from _transcoded(head, pieces, encoding)


def _marked(head: bytes) -> str:
    """The encoding by the byte order mark. Damaged UTF-8 may begin with any two bytes; text in UTF-16 has zeros, and no long run of ASCII."""
    if b"\0" not in head or _ASCII_RUN.search(head):
        return "utf-8"
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")


def _transcoded(head: bytes, pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(_DAMAGED)
    try:
        text = decoder.decode(head).removeprefix("\ufeff")
    except UnicodeError:
        raise FileFault(f"is not {encoding}, which begins with a byte order mark; without one set `encoding: {encoding}-le` or `{encoding}-be`") from None
    if text:
        yield text.encode("utf-8", "surrogatepass")
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text.encode("utf-8", "surrogatepass")
    if text := decoder.decode(b"", True):
        yield text.encode("utf-8", "surrogatepass")


def encoding_hint(path: str) -> str:
    """Which encoding the first piece of the file looks like that is not UTF-8, as advice; "" if nothing can be said."""
    check = codecs.getincrementaldecoder("utf-8")()
    piece = b""
    try:
        for piece in utf8_chunks(path, None):
            check.decode(piece)
        check.decode(b"", True)
    except UnicodeDecodeError as error:
        return _advice(piece[max(0, error.start - _BEFORE) :][:_PROBE_BYTES])
    return ""


def _advice(data: bytes) -> str:
    if sum(byte > 127 for byte in data) < _LEAST_BYTES and b"\0" not in data:
        return "; if the file is in another encoding, set `encoding` for this input"
    if data.count(b"\0") > len(data) // 4:
        name = "utf-16-le" if data[1::2].count(b"\0") > data[::2].count(b"\0") else "utf-16-be"
    else:
        name = detect_encoding(data) or ""
    try:
        name = encoding_name(name)
    except ValueError:
        return ""
    return "" if name in ("utf-8", "ascii") else f"; looks like {name}: set `encoding: {name}` for this input"
