"""Convert bytes of any encoding to UTF-8 in a stream, and guess the encoding of bytes that are not UTF-8."""

import codecs
import re
from collections.abc import Iterator

import numpy as np
from resiliparse.parse.encoding import detect_encoding

from curate.read.batch import FileFault
from curate.read.content.decompress import chunks
from curate.read.recipe import encoding_name

# The little-endian mark of UTF-32 begins with that of UTF-16.
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
"""Fewer bytes beyond ASCII are too few to guess an encoding."""
_SHIFT = b"\x1b$"
"""Escape sequence of ISO-2022 that begins two-byte characters."""
_SEVEN_BIT = ("iso2022_jp", "iso2022_jp_2", "iso2022_kr")


class OtherEncodingError(FileFault):
    """A file that is clearly in another encoding than UTF-8 but has no byte order mark."""


def _mark_damage(error: UnicodeError) -> tuple[str, int]:
    """Replace invalid bytes by half a surrogate pair, which is not valid UTF-8, so only the record that contains them becomes unreadable."""
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end


codecs.register_error(_DAMAGED, _mark_damage)


def utf8_chunks(path: str, encoding: str | None) -> Iterator[bytes]:
    """The file's decompressed content in UTF-8, in pieces of bounded size, without a byte order mark.

    Without `encoding` the bytes are unchanged, unless a mark says that they are UTF-16 or UTF-32. Bytes that are invalid in the encoding become bytes
    that are not UTF-8. Raises FileFault like `chunks`, and for UTF-16 and UTF-32 with an unknown byte order. Raises OtherEncodingError before the first
    piece if `encoding` is None and the bytes are UTF-16, UTF-32 or ISO-2022 without a mark.
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
    """The encoding by the byte order mark. Damaged UTF-8 may begin with the same bytes, but UTF-16 has zeros and no long run of ASCII."""
    if b"\0" not in head or _ASCII_RUN.search(head):
        return "utf-8"
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")


def other_encoding(name: str) -> str:
    """The problem of content that is in this encoding and has no byte order mark."""
    return f"not UTF-8; looks like {name}: set `encoding: {name}` for this input"


_LEAST_ZEROS = 4
"""Fewer zeros at positions of one parity can be chance in a short text."""


def unmarked_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 by the positions of zeros, ISO-2022 by its escape sequences; None for anything else.

    `head` is the beginning of a file. All three may be valid UTF-8, so decoding does not detect them.
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
    # Lines of equal length may have zeros at one parity by chance; then most pairs of bytes are ASCII.
    has_few_zeros = max(even, odd) * len(pairs) < _LEAST_ZEROS
    if has_few_zeros or max(even, odd) < 0.05 or min(even, odd) > max(even, odd) / 20 or ((pairs >= 32) & (pairs < 127)).all(axis=1).mean() > 0.5:
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
    """Advice on the encoding of the first piece of the file that is not UTF-8; "" if there is none."""
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
