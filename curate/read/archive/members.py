"""The bytes of an archive with its seams: the ends of compressed members, and damaged places.

Archives are compressed record by record, so a damaged member costs one record and reading continues at the next member. The first bytes of a file tell
its compression; its name counts only if they are damaged.
"""

import os
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from io import FileIO
from typing import Any

from curate.read.content.decompress import DAMAGE, decompressed, decompressor

_CHUNK_BYTES = 1 << 16
"""Bytes after the end of a member are copied, so chunks are not much longer than members."""
_PIECE_BYTES = 1 << 15
"""The last piece before a damaged place is lost."""
_SCAN_BYTES = 1 << 20
_PROBE_BYTES = 1 << 12
_MAGIC_BYTES = 16
_MOST_AGAIN = 4
"""How many times the file's bytes may be read again after damaged members. Then the search resumes only where the damage was noticed."""

IsStart = Callable[[bytes], bool]
"""Whether decompressed bytes begin with a record."""


@dataclass(frozen=True)
class Seam:
    """A boundary between two pieces: the end of a member, or damage (`problem`), after which a later member follows."""

    problem: str | None = None


@dataclass(frozen=True)
class _Codec:
    magic: re.Pattern[bytes]
    """Matches the first bytes of a member. As strict as the format allows, because it is searched for in compressed data."""
    new: Callable[[], Any]
    """Creates the decompressor of a member."""


_MAGIC = {
    ".gz": re.compile(rb"\x1f\x8b\x08[\x00-\x1f]", re.S),
    ".zst": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
    ".bz2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    ".xz": re.compile(rb"\xfd7zXZ\x00"),
}


def archive_bytes(handle: FileIO, is_start: IsStart) -> Iterator[bytes | Seam]:
    """Decompressed bytes in pieces of bounded size, and seams between them; an uncompressed archive has no seams.

    After a damaged member, reading continues at the next one that begins with a record (`is_start`).
    """
    try:
        codec = _codec(handle, is_start)
        yield from _plain(handle) if codec is None else _members(handle, codec, is_start)
    except DAMAGE as error:
        yield Seam(f"cannot be read on ({error})")


def _codec(handle: FileIO, is_start: IsStart) -> _Codec | None:
    """The codec by the file's first bytes, or by its name if they are damaged; None if uncompressed. Raises like `decompressor`."""
    head = os.pread(handle.fileno(), _PROBE_BYTES, 0)
    by_name = None if is_start(head) else os.path.splitext(str(handle.name))[1].lower()
    suffix = next((suffix for suffix, magic in _MAGIC.items() if magic.match(head)), by_name)
    return _Codec(_MAGIC[suffix], decompressor(suffix, handle.fileno())) if suffix in _MAGIC else None


def _plain(handle: FileIO) -> Iterator[bytes]:
    while data := handle.read(_CHUNK_BYTES):
        yield data


def _members(handle: FileIO, codec: _Codec, is_start: IsStart) -> Iterator[bytes | Seam]:
    """Damage may show only after reading far into later members, so the search for the next member restarts after the damaged one's first byte."""
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
    """Members from the file's position up to its end or a damaged member. Returns where the last one begins and its problem, if any."""
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
            yield from decompressed(member, data, _PIECE_BYTES)
        except DAMAGE as error:
            return begun, f"the compressed data is damaged ({error})"
        data = b""
        if member.eof:
            data, member = member.unused_data, None
            yield Seam()
    return begun, None if member is None else "the compressed data is cut short; fetch the file again"


def _next_member(handle: FileIO, offset: int, codec: _Codec, is_start: IsStart) -> int | None:
    """Position from `offset` on of the next member that holds a record; other bytes may match the magic bytes by chance."""
    window, base = b"", offset
    while block := os.pread(handle.fileno(), _SCAN_BYTES, base + len(window)):
        window += block
        for match in codec.magic.finditer(window):
            position = base + match.start()
            if _holds_record(os.pread(handle.fileno(), _PROBE_BYTES, position), codec, is_start):
                return position
        kept = window[-_MAGIC_BYTES:]
        base, window = base + len(window) - len(kept), kept
    return None


def _holds_record(head: bytes, codec: _Codec, is_start: IsStart) -> bool:
    try:
        return is_start(codec.new().decompress(head, _PROBE_BYTES))
    except DAMAGE:
        return False
