"""A file's bytes, decompressed by its extension, and an honest end: what is cut short or damaged is told, after what came before.

Never more than a few chunks are in memory, whatever the file says about itself: a member that expands a million times streams like any other.
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
# `zstd --long=31` writes windows of up to 2 GiB, the format's largest on 64-bit machines; without the option the library refuses above 128 MiB.
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 31}
_DICTIONARY_FRAME = b"\x5d\x2a\x4d\x18"
"""How the frame begins that holds a file's dictionary: one that decompressors skip, then four bytes of its size. After the Zstandard dictionary
frame of web archives, https://iipc.github.io/warc-specifications/specifications/warc-zstd/."""
_ZSTD_FRAME = b"\x28\xb5\x2f\xfd"
_MAX_DICTIONARY_BYTES = 64 << 20

# Decompressors of one member each, all with the interface of bz2.BZ2Decompressor. Files may hold several members.
DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    ".gz": lambda: igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP),
    ".zst": lambda: zstd.ZstdDecompressor(options=_ZSTD_OPTIONS),
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lzma.LZMADecompressor,
}
COMPRESSIONS = tuple(DECOMPRESSORS)
_MAGIC = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ\x00"}
DAMAGE: Any = (igzip_lib.IsalError, zstd.ZstdError, lzma.LZMAError, OSError, EOFError)
"""What reading and decompressing raise."""


def open_file(path: str) -> io.FileIO:
    """A file, unbuffered. Raises OSError at once for what is none: a pipe that took a file's place after files were listed would block for ever."""
    handle = io.FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
    if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
        handle.close()
        raise OSError(errno.EINVAL, "no file, but a pipe or device")
    return handle


def chunks(path: str) -> Iterator[bytes]:
    """The file's decompressed bytes in pieces of at most 1 MiB. Raises FileFault when it is truncated, damaged or cannot be opened."""
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
        raise FileFault(f"cannot be read on ({os_problem(error) if isinstance(error, OSError) else error})") from None


@contextmanager
def openable(path: str) -> Iterator[str]:
    """A path that Arrow takes, whose names must be UTF-8: the path itself, or one that leads to the open file. Raises OSError for what is no file."""
    with open_file(path) as handle:
        try:
            path.encode()
        except UnicodeEncodeError:
            yield f"/dev/fd/{handle.fileno()}"
        else:
            yield path


def decompressed_bytes(path: str, n_bytes: int) -> int:
    """About how many bytes the file of `n_bytes` holds when decompressed, by the ratio of its first MiB; exact if it is not compressed."""
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
    """What makes decompressors for the members of an open file, by the extension of its compression.

    In Zstandard with the dictionary that its first frame holds, compressed itself or not. Raises ZstdError for a dictionary that is damaged.
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
    except ValueError:  # a frame of another kind, which is passed over
        return DECOMPRESSORS[suffix]
    return lambda: zstd.ZstdDecompressor(dictionary, _ZSTD_OPTIONS)


def _refuse_other(head: bytes, suffix: str) -> None:
    """Raise FileFault for a file that begins with text where a compressed one begins with its mark; damage to the mark is told by its decompressor."""
    magic = _MAGIC.get(suffix, head[:0])
    if len(head) >= len(magic) and not head.startswith(magic) and all(byte >= 32 or byte in b"\t\n\r" for byte in head):
        raise FileFault(f"is named {suffix}, but is not compressed so; rename it if it is not compressed")


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
        yield from _pieces(member, data)
        if member.eof:
            rest, member = member.unused_data, None
    if (member is not None or handle.tell() == 0) and not may_be_cut:
        raise FileFault("the compressed data is cut short; fetch the file again")


def _pieces(member: Any, data: bytes) -> Iterator[bytes]:
    """What a member makes of some of its input, in pieces of bounded size."""
    while True:
        if piece := member.decompress(data, _CHUNK_BYTES):
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
        """Bytes read so far."""
        return self._position

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`, at least one byte unless the file has ended."""
        if not self._rest:
            self._rest = memoryview(next(self._pieces, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._position += size
        return size
