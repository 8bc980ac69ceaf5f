"""The bytes of an archive together with its seams: where a compressed member ends, and where one is damaged.

Archives are compressed record by record, so a damaged member costs one record and the next member starts sound. Whether a file is compressed is
told by its first bytes; its name counts only where these are damaged.
"""

import os
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from io import FileIO
from typing import Any

from curate.read.content.decompress import DAMAGE, decompressor

_CHUNK_BYTES = 1 << 16
"""What lies behind the end of a member is copied, so chunks are not much longer than members."""
_PIECE_BYTES = 1 << 15
"""The last piece before a damaged place is lost."""
_SCAN_BYTES = 1 << 20
_PROBE_BYTES = 1 << 12
_MAGIC_BYTES = 16
_MOST_AGAIN = 4
"""How many times the file's bytes may be read again behind damaged members, before the search goes on only where they were found to be damaged."""

IsStart = Callable[[bytes], bool]
"""Whether decompressed bytes are the beginning of a record."""


@dataclass(frozen=True)
class Seam:
    """A place between two pieces: the end of a member, or damage (`problem`), after which a later member follows."""

    problem: str | None = None


@dataclass(frozen=True)
class _Codec:
    magic: re.Pattern[bytes]
    """First bytes of a member, as strict as the format allows: it is looked for in compressed data."""
    new: Callable[[], Any]
    """Makes the decompressor of a member."""


_MAGIC = {
    ".gz": re.compile(rb"\x1f\x8b\x08[\x00-\x1f]", re.S),
    ".zst": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
    ".bz2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    ".xz": re.compile(rb"\xfd7zXZ\x00"),
}


def archive_bytes(handle: FileIO, is_start: IsStart) -> Iterator[bytes | Seam]:
    """Decompressed bytes in pieces of bounded size, and seams between them; the end of an archive that is not compressed is no seam.

    After a damaged member it goes on with the next one that begins with a record (`is_start`).
    """
    try:
        codec = _codec(handle, is_start)
        yield from _plain(handle) if codec is None else _members(handle, codec, is_start)
    except DAMAGE as error:
        yield Seam(f"cannot be read on ({error})")


def _codec(handle: FileIO, is_start: IsStart) -> _Codec | None:
    """By the first bytes; by the name only where they are damaged. Raises as `decompressor`."""
    head = os.pread(handle.fileno(), _PROBE_BYTES, 0)
    by_name = None if is_start(head) else os.path.splitext(str(handle.name))[1].lower()
    suffix = next((suffix for suffix, magic in _MAGIC.items() if magic.match(head)), by_name)
    return _Codec(_MAGIC[suffix], decompressor(suffix, handle.fileno())) if suffix in _MAGIC else None


def _plain(handle: FileIO) -> Iterator[bytes]:
    while data := handle.read(_CHUNK_BYTES):
        yield data


def _members(handle: FileIO, codec: _Codec, is_start: IsStart) -> Iterator[bytes | Seam]:
    """A damaged member may be read far into those behind it before that shows, so the search for the next goes back to its beginning."""
    most_again = _MOST_AGAIN * os.fstat(handle.fileno()).st_size
    start: int | None = 0
    while start is not None:
        handle.seek(start)
        begun, problem = yield from _sound_members(handle, codec)
        if problem is None:
            return
        yield Seam(problem)
        stopped = handle.tell()
        start = _next_member(handle, begun + 1 if most_again > 0 else stopped, codec, is_start)
        most_again -= max(stopped - start, 0) if start is not None else 0


def _sound_members(handle: FileIO, codec: _Codec) -> Generator[bytes | Seam, None, tuple[int, str | None]]:
    """Members from where the file stands up to its end or a damaged one. Returns where the last one begins, and what is wrong with it."""
    member: Any = None
    begun = 0
    data = b""
    while data := data or handle.read(_CHUNK_BYTES):
        if member is None:
            data = data.lstrip(b"\0")  # gzip files may be padded with zeros
            if not data:
                continue
            member, begun = codec.new(), handle.tell() - len(data)
        try:
            yield from _pieces(member, data)
        except DAMAGE as error:
            return begun, f"the compressed data is damaged ({error})"
        data = b""
        if member.eof:
            data, member = member.unused_data, None
            yield Seam()
    return begun, None if member is None else "the compressed data is cut short; fetch the file again"


def _pieces(member: Any, data: bytes) -> Iterator[bytes]:
    while True:
        if piece := member.decompress(data, _PIECE_BYTES):
            yield piece
        data = b""
        if member.eof or member.needs_input:
            return


def _next_member(handle: FileIO, offset: int, codec: _Codec, is_start: IsStart) -> int | None:
    """Where, from `offset` on, the next member begins that holds a record; other places look like a member by chance."""
    window, base = b"", offset
    while block := os.pread(handle.fileno(), _SCAN_BYTES, base + len(window)):
        window += block
        for match in codec.magic.finditer(window):
            at = base + match.start()
            if _holds_record(os.pread(handle.fileno(), _PROBE_BYTES, at), codec, is_start):
                return at
        kept = window[-_MAGIC_BYTES:]
        base, window = base + len(window) - len(kept), kept
    return None


def _holds_record(head: bytes, codec: _Codec, is_start: IsStart) -> bool:
    try:
        return is_start(codec.new().decompress(head, _PROBE_BYTES))
    except DAMAGE:
        return False
