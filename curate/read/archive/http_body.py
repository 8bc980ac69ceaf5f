"""Decode a response's body from its transfer and content codings (RFC 9112, section 7; RFC 9110, section 8.4).

Archives contain decoded bodies whose header still states the coding. Each coding is therefore undone only if the bytes are in it; plain bytes stay
unchanged; anything else raises BodyError.
"""

import re
import zlib
from collections.abc import Callable, Iterator

import brotli
from backports import zstd

from curate.extract.html import is_charset
from curate.read.archive.http_message import Message

MAX_BODY_BYTES = (20 << 20) + 1
"""Upper limit of decompression: one byte more than the longest page that extraction accepts."""
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]{0,4096})?\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZLIB_MAGIC = b"x"
"""RFC 1950 with a window of 32 KiB; the two header bytes are a multiple of 31."""
_BINARY_CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_PLAIN_BYTES = 1024
_PIECE_BYTES = 1 << 20
_FEED_BYTES = 1 << 16
"""Bytes fed at a time. Bytes after the end of a member are copied, so it is small."""


class BodyError(ValueError):
    """A body that is neither in the coding stated by its header nor plain; the message names the coding and the reason."""


def decode_body(message: Message, is_cut: bool = False) -> bytes:
    """The body without its codings; of compressed content at most `MAX_BODY_BYTES`. Raises BodyError.

    `is_cut`: the crawler truncated the body, so its readable beginning is returned.
    """
    body = message.body
    codings = [*message.fields.tokens("content-encoding"), *message.fields.tokens("transfer-encoding")]
    for coding in reversed(codings):
        body = dechunked(body) if coding == "chunked" else _decoded(body, coding, is_cut)
    # Some crawlers drop the header and keep the coding.
    if body[:2] == _GZIP_MAGIC:
        return _decoded(body, "gzip", is_cut)
    if body[:4] == _ZSTD_MAGIC:
        return _decoded(body, "zstd", is_cut)
    if body[:1] == _ZLIB_MAGIC and int.from_bytes(body[:2]) % 31 == 0 and not is_plain(body):
        try:
            return _decoded(body, "deflate", is_cut)
        except BodyError:
            return body
    return body


def dechunked(body: bytes) -> bytes:
    """The content of all chunks, without extensions and trailers; the body itself if it does not begin with a chunk.

    If the chunks end before the body does, the rest of the body is kept unchanged.
    """
    pieces: list[bytes] = []
    at = 0
    while (match := _CHUNK_SIZE.match(body, at)) is not None:
        start, size = match.end(), int(match[1], 16)
        if size == 0:
            return b"".join(pieces)
        stop = start + size
        line_end = _LINE_END.match(body, stop)
        if line_end is None and stop < len(body):
            break
        pieces.append(body[start:stop])
        at = line_end.end() if line_end else len(body)
    return b"".join([*pieces, body[at:]])


def is_plain(body: bytes) -> bool:
    """Whether bytes look like text in some encoding; compressed data is full of control characters."""
    head = body[:_PLAIN_BYTES]
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or _CONTROLS.search(head) is None


def is_binary(body: bytes) -> bool:
    """Whether bytes are not text in any encoding: a tenth of compressed data is control characters, far less of pages with a few stray ones."""
    head = body[:_PLAIN_BYTES]
    is_wide = head.count(b"\0") * 8 > len(head)  # UTF-16, whose bytes may have any value
    return not is_wide and len(_BINARY_CONTROLS.findall(head)) * 32 > len(head)


def _decoded(body: bytes, coding: str, is_cut: bool) -> bytes:
    if is_plain(body):
        return body
    decoders = _DECODERS["gzip"] if body[:2] == _GZIP_MAGIC else _DECODERS.get(coding.removeprefix("x-"))
    if decoders is None:
        if coding in _NO_CODING or is_charset(coding):
            return body
        raise BodyError(f"body is in {coding[:40]}, which cannot be decoded")
    problem = ""
    for decoder in decoders:
        content = bytearray()
        try:
            for piece in decoder(body):
                content += piece
                if len(content) >= MAX_BODY_BYTES:
                    break
        except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
            problem = problem or str(error)
            if not (is_cut and content):
                continue
        return bytes(content[:MAX_BODY_BYTES])
    raise BodyError(f"body is neither {coding[:40]} nor plain text ({problem})")


def _inflated(window_bits: int) -> Callable[[bytes], Iterator[bytes]]:
    """A decoder of gzip (31), zlib (15) or raw deflate (-15). It continues with further gzip members and ignores other bytes after the end."""

    def decode(body: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(body):
            stream = zlib.decompressobj(window_bits)
            while at < len(body) and not stream.eof:
                data, at = body[at : at + _FEED_BYTES], at + _FEED_BYTES
                while data and not stream.eof:
                    yield stream.decompress(data, _PIECE_BYTES)
                    data = stream.unconsumed_tail
            if not stream.eof:
                raise EOFError("it is cut short")
            at = min(at, len(body)) - len(stream.unused_data)
            if body[at : at + 2] != _GZIP_MAGIC:
                return

    return decode


def _unbrotlied(body: bytes) -> Iterator[bytes]:
    stream = brotli.Decompressor()
    yield stream.process(body, output_buffer_limit=_PIECE_BYTES)
    while not stream.is_finished():
        piece = stream.process(b"", output_buffer_limit=_PIECE_BYTES)
        if not piece:
            raise EOFError("it is cut short")
        yield piece


def _unzstd(body: bytes) -> Iterator[bytes]:
    stream = zstd.ZstdDecompressor()
    while not stream.eof:
        yield stream.decompress(body, _PIECE_BYTES)
        if stream.needs_input and not stream.eof:
            raise EOFError("it is cut short")
        body = b""


_DEFLATE = (_inflated(15), _inflated(-15))
_DECODERS: dict[str, tuple[Callable[[bytes], Iterator[bytes]], ...]] = {
    "gzip": (_inflated(31), *_DEFLATE),
    "deflate": _DEFLATE,
    "br": (_unbrotlied,),
    "zstd": (_unzstd,),
}
_NO_CODING = frozenset({"identity", "none", "binary", "8bit", "7bit", "text", "plain", "charset"})
