"""A file's bytes, decompressed by its extension. A truncated or damaged file raises FileFault after its readable part.

At most a few chunks are in memory, whatever sizes the file declares: a member that expands a million times is streamed too.
"""

import bz2
import errno
import io
import lzma
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backports import zstd
from isal import igzip_lib

from curate.read.batch import FileFault
from curate.read.file_names import os_problem

_CHUNK_BYTES = 1 << 20
# `zstd --long=31` writes windows of up to 2 GiB, the format's maximum on 64-bit machines; by default the library refuses more than 128 MiB.
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
_DICTIONARY_FRAME = b"\x5d\x2a\x4d\x18"
"""First bytes of the frame that holds a file's dictionary: a skippable frame, followed by four bytes of its size. This is the dictionary frame of web
archives, https://iipc.github.io/warc-specifications/specifications/warc-zstd/."""
_ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
_MAX_DICTIONARY_BYTES = 64 << 20

# Each decompresses one member and has the interface of bz2.BZ2Decompressor. A file may have several members.
DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    ".gz": lambda: igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP),
    ".zst": lambda: zstd.ZstdDecompressor(options=_ZSTD_OPTIONS),
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lzma.LZMADecompressor,
}
COMPRESSIONS = tuple(DECOMPRESSORS)
_MAGIC = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00"}
DAMAGE: Any = (igzip_lib.IsalError, zstd.ZstdError, lzma.LZMAError, OSError, EOFError)
"""Exceptions of reading and decompressing."""


def open_file(path: str) -> io.FileIO:
    """Open a regular file, unbuffered. Raises OSError for anything else: opening a pipe that replaced a listed file would block forever."""
    handle = io.FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
    if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
        handle.close()
        raise OSError(errno.EINVAL, "not a file but a pipe or device")
    return handle


def chunks(path: str) -> Iterator[bytes]:
    """The file's decompressed bytes in pieces of at most 1 MiB. Raises FileFault if it is truncated, damaged or cannot be opened."""
    suffix = Path(path).suffix.lower()
    try:
        with io.BufferedReader(open_file(path)) as handle:
            if suffix not in DECOMPRESSORS:
                while data := handle.read(_CHUNK_BYTES):
                    yield data
            else:
                _refuse_other(handle.peek(8), suffix)
                yield from _members(handle, decompressor(suffix, handle.fileno()))
    except DAMAGE as error:
        raise FileFault(f"cannot be read further ({os_problem(error) if isinstance(error, OSError) else error})") from None


@contextmanager
def openable(path: str) -> Iterator[str]:
    """A path for Arrow, which accepts UTF-8 only: the path itself, or one of the open descriptor. Raises OSError if it is not a regular file."""
    with open_file(path) as handle:
        try:
            path.encode()
        except UnicodeEncodeError:
            yield f"/dev/fd/{handle.fileno()}"
        else:
            yield path


def decompressed_bytes(path: str, n_bytes: int) -> int:
    """Estimated decompressed size of a file of `n_bytes`, from the ratio of its first MiB; exact if it is not compressed."""
    suffix = Path(path).suffix.lower()
    if suffix not in DECOMPRESSORS:
        return n_bytes
    try:
        with io.BufferedReader(open_file(path)) as handle:
            new = decompressor(suffix, handle.fileno())
            head = handle.read(_CHUNK_BYTES)
            n_out = sum(len(piece) for piece in _members(io.BytesIO(head), new, may_be_cut=True))
    except DAMAGE:
        return n_bytes
    return n_bytes * n_out // max(len(head), 1)


def decompressor(suffix: str, descriptor: int) -> Callable[[], Any]:
    """A factory of decompressors for the members of an open file, by the extension of its compression.

    For Zstandard it uses the dictionary in the file's first frame, compressed or not, if there is one. Raises ZstdError for a damaged dictionary.
    """
    if suffix != ".zst":
        return DECOMPRESSORS[suffix]
    head = os.pread(descriptor, 8, 0)
    size = int.from_bytes(head[4:], "little")
    if not head.startswith(_DICTIONARY_FRAME) or size > _MAX_DICTIONARY_BYTES:
        return DECOMPRESSORS[suffix]
    raw = os.pread(descriptor, size, 8)
    if raw.startswith(_ZSTD_FRAME):
        raw = zstd.ZstdDecompressor().decompress(raw, _MAX_DICTIONARY_BYTES)
    try:
        dictionary = zstd.ZstdDict(raw)
    except ValueError:  # another kind of frame, which is skipped
        return DECOMPRESSORS[suffix]
    return lambda: zstd.ZstdDecompressor(dictionary, _ZSTD_OPTIONS)


def _refuse_other(head: bytes, suffix: str) -> None:
    """Raise FileFault for a file that begins with text instead of its compression's magic bytes. Damaged magic bytes are left to the decompressor."""
    magic = _MAGIC.get(suffix, head[:0])
    if len(head) >= len(magic) and not head.startswith(magic) and all(byte >= 32 or byte in b"\t\n\r" for byte in head):
        raise FileFault(f"is named {suffix} but not compressed that way; rename it if it is not compressed")


def _members(handle: io.BufferedIOBase, new: Callable[[], Any], may_be_cut: bool = False) -> Iterator[bytes]:
    member: Any = None
    rest = b""
    while data := rest or handle.read(_CHUNK_BYTES):
        rest = b""
        if member is None:
            # gzip files may be padded with zeros
            data = data if data.strip(b"\0") else b""
            member = new() if data else None
            if member is None:
                continue
        yield from decompressed(member, data, _CHUNK_BYTES)
        if member.eof:
            rest, member = member.unused_data, None
    if (member is not None or handle.tell() == 0) and not may_be_cut:
        raise FileFault("the compressed data is cut short; fetch the file again")


def decompressed(member: Any, data: bytes, piece_bytes: int) -> Iterator[bytes]:
    """Feed `data` to a decompressor; yields its output in pieces of at most `piece_bytes`."""
    while True:
        if piece := member.decompress(data, piece_bytes):
            yield piece
        data = b""
        if member.eof or member.needs_input:
            return


class ChunkReader(io.RawIOBase):
    """Pieces of bytes as a readable stream. `read` raises whatever the iterator raises."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self._position = 0

    def tell(self) -> int:
        """Number of bytes read so far."""
        return self._position

    def readable(self) -> bool:
        """Streams of pieces can always be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with at least one byte, unless the stream has ended."""
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._position += size
        return size
