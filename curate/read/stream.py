"""A file's bytes, decompressed by its extension, and an honest end: what is cut short or damaged is told, after what came before."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zstandard

from curate.read.batch import FileFault

_CHUNK_BYTES = 1 << 20

# Decompressors of one member each: `decompress(data)`, `eof`, `unused_data`. Files may hold several members.
_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    ".gz": lambda: zlib.decompressobj(wbits=31),
    ".zst": lambda: zstandard.ZstdDecompressor().decompressobj(),
    ".bz2": bz2.BZ2Decompressor,
    ".xz": lzma.LZMADecompressor,
}
_DAMAGE = (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError, EOFError)


def chunks(path: str) -> Iterator[bytes]:
    """The file's decompressed bytes in pieces. Raises FileFault when it is truncated, damaged or cannot be opened."""
    new = _DECOMPRESSORS.get(Path(path).suffix.lower())
    try:
        with open(path, "rb") as handle:
            if new is None:
                while data := handle.read(_CHUNK_BYTES):
                    yield data
            else:
                yield from _members(handle, new)
    except _DAMAGE as error:
        raise FileFault(f"cannot be read on ({error})") from None


def _members(handle: io.BufferedReader, new: Callable[[], Any]) -> Iterator[bytes]:
    member: Any = None
    while data := handle.read(_CHUNK_BYTES):
        while data:
            member = member or new()
            piece = member.decompress(data)
            if piece:
                yield piece
            data = b""
            if member.eof:
                data, member = member.unused_data, None
                # gzip files may be padded with zeros
                data = data.lstrip(b"\0") if not data.strip(b"\0") else data
    if member is not None:
        raise FileFault("the compressed data is cut short; fetch the file again")


def lines(path: str) -> Iterator[list[bytes]]:
    r"""The file's lines without their \n, in lists of about a chunk. Raises FileFault after the last whole line."""
    rest: list[bytes] = []
    for chunk in chunks(path):
        head, newline, tail = chunk.rpartition(b"\n")
        if newline:
            yield b"".join([*rest, head]).split(b"\n")
            rest = []
        rest.append(tail)
    if last := b"".join(rest):
        yield [last]


class ChunkReader(io.RawIOBase):
    """The file's decompressed bytes as a readable stream. `read` raises FileFault where the file is cut short."""

    def __init__(self, path: str) -> None:
        self._chunks = chunks(path)
        self._rest = b""
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
            self._rest = next(self._chunks, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._position += size
        return size
