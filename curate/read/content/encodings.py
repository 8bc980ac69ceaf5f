"""Bytes of any encoding to UTF-8, in a stream, and what encoding bytes look like that are not UTF-8."""

import codecs
import re
from collections.abc import Iterator

import numpy as np
from resiliparse.parse.encoding import detect_encoding

from curate.read.batch import FileFault
from curate.read.content.decompress import chunks
from curate.read.recipe import encoding_name

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
_SHIFT = b"\x1b$"
"""How ISO-2022 goes over to two bytes a character."""
_SEVEN_BIT = ("iso2022_jp", "iso2022_jp_2", "iso2022_kr")


class OtherEncodingError(FileFault):
    """A file that is plainly in another encoding than UTF-8 and has no mark that says so."""


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    """Half of a surrogate pair for bytes that mean nothing: never UTF-8, so that the record they lie in is told, and no other."""
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


codecs.register_error(_DAMAGED, _mark_damage)


def utf8_chunks(path: str, encoding: str | None) -> Iterator[bytes]:
    """The file's decompressed content in UTF-8, in pieces of bounded size, without a byte order mark.

    Without `encoding` the bytes are given as they are, unless a mark says that they are UTF-16 or UTF-32. Bytes that the encoding does not know become
    bytes that are not UTF-8. Raises FileFault as `chunks`, and for UTF-16 and UTF-32 whose order of bytes is unknown; OtherEncodingError, before
    anything is given, if `encoding` is None and the bytes are UTF-16, UTF-32 or ISO-2022 without a mark.
    """
    pieces = chunks(path)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _PROBE_BYTES:
            break
    if encoding is None:
        encoding = _marked(head)
        other = unmarked_encoding(head) if encoding == "utf-8" else None
        if other is not None:
            raise OtherEncodingError(other_encoding(other))
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


def other_encoding(name: str) -> str:
    """What is said of content that is in this encoding and has no mark."""
    return f"not UTF-8; looks like {name}: set `encoding: {name}` for this input"


_LEAST_ZEROS = 4
"""Fewer zeros at one parity stand there by chance in a short text."""


def unmarked_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 by where the zeros stand, ISO-2022 by its escape sequences; None for anything else.

    `head` are the first bytes of a file. All three may be valid UTF-8, which no decoder refuses.
    """
    if b"\0" in head:
        return _wide_encoding(head[:_PROBE_BYTES])
    return _seven_bit_encoding(head) if _SHIFT in head and head.isascii() else None


def _wide_encoding(head: bytes) -> str | None:
    if _ASCII_RUN.search(head):
        return None
    data = np.frombuffer(head[: len(head) // 4 * 4], np.uint8).reshape(-1, 4)
    if len(data) < 2:
        return None
    zeros = (data == 0).mean(axis=0)
    if min(zeros[2], zeros[3]) > 0.9 and zeros[0] < 0.5:
        return "utf-32-le"
    if min(zeros[0], zeros[1]) > 0.9 and zeros[3] < 0.5:
        return "utf-32-be"
    even, odd = zeros[[0, 2]].mean(), zeros[[1, 3]].mean()
    pairs = data.reshape(-1, 2)
    # Zeros that stand by chance at one parity, in lines of equal length, stand among pairs of ASCII.
    few = max(even, odd) * len(pairs) < _LEAST_ZEROS
    if few or max(even, odd) < 0.05 or min(even, odd) > max(even, odd) / 20 or ((pairs >= 32) & (pairs < 127)).all(axis=1).mean() > 0.5:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _seven_bit_encoding(head: bytes) -> str | None:
    for name in _SEVEN_BIT:
        try:
            text = codecs.getincrementaldecoder(name)().decode(head)
        except UnicodeDecodeError:
            continue
        if not text.isascii():
            return name
    return None


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
    try:
        name = encoding_name(detect_encoding(data) or "")
    except ValueError:
        return ""
    return "" if name in ("utf-8", "ascii") else f"; looks like {name}: set `encoding: {name}` for this input"
