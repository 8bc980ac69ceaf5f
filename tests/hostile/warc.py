"""Hostile web archives: sound pages in every container there is, and mutations of them whose reach is known.

`mutations(seed, n)` gives the same archives for the same seed. Each says which pages it may have cost; all others must be read.
"""

import gzip
import random
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from backports import zstd

WORDS = ["harbour", "engine", "garden", "teacher", "river", "market", "letter", "window", "doctor", "village", "forest", "captain", "bridge"]


@dataclass(frozen=True)
class Hostile:
    """An archive: its name, its bytes, the sentences of its pages by URL, and the URLs that the mutation may have cost."""

    name: str
    content: bytes
    pages: dict[str, str]
    may_be_lost: frozenset[str]


def sentence(number: int) -> str:
    """Words that only page `number` has."""
    draw = random.Random(number)
    return f"Page number {number} tells of " + " ".join(draw.choice(WORDS) for _ in range(30)) + "."


def url_of(number: int) -> str:
    """The address of page `number`."""
    return f"http://example.org/{number}"


def page(number: int) -> bytes:
    """HTML whose main content is the sentence."""
    return f"<html><head><title>t</title></head><body><article><p>{sentence(number)}</p></article></body></html>".encode()


def http(body: bytes, *fields: str, status: str = "HTTP/1.1 200 OK", end: str = "\r\n") -> bytes:
    """A response."""
    return end.join([status, *(fields or ("Content-Type: text/html; charset=utf-8",)), "", ""]).encode() + body


def record(block: bytes, *fields: str, kind: str = "response", url: str = "", length: str | None = None, version: str = "1.0", end: str = "\r\n") -> bytes:
    """A record with its closing blank lines. `length` stands in place of the true Content-Length; "" leaves the field out."""
    head = [f"WARC/{version}", f"WARC-Type: {kind}", "WARC-Date: 2024-05-01T10:00:00Z", *([f"WARC-Target-URI: {url}"] if url else []), *fields]
    head += [f"Content-Length: {len(block) if length is None else length}"] if length != "" else []
    return end.join([*head, "", ""]).encode() + block + (2 * end).encode()


@dataclass
class Sound:
    """Records with what they are: pages by number, others None."""

    records: list[bytes] = field(default_factory=list)
    numbers: list[int | None] = field(default_factory=list)

    def add(self, content: bytes, number: int | None = None) -> None:
        self.records.append(content)
        self.numbers.append(number)


def sound(draw: random.Random) -> Sound:
    """Pages among records of other kinds."""
    made = Sound()
    made.add(record(b"software: ours\r\n", "Content-Type: application/warc-fields", kind="warcinfo"))
    for number in range(draw.randint(3, 9)):
        if draw.random() < 0.3:
            made.add(
                record(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", "Content-Type: application/http; msgtype=request", kind="request", url=url_of(number))
            )
        if draw.random() < 0.3:
            made.add(
                record(http(draw.randbytes(300), "Content-Type: image/png"), "Content-Type: application/http; msgtype=response", url="http://example.org/i")
            )
        made.add(record(odd_response(draw, number), "Content-Type: application/http; msgtype=response", url=url_of(number)), number)
    return made


def chunked(body: bytes, draw: random.Random, *, extension: str = "", trailer: bytes = b"") -> bytes:
    """The body in chunks."""
    pieces = []
    while body:
        size = draw.randint(1, 60)
        pieces.append(f"{min(size, len(body)):x}{extension}\r\n".encode() + body[:size] + b"\r\n")
        body = body[size:]
    return b"".join(pieces) + b"0\r\n" + trailer + b"\r\n"


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the header of zlib."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def odd_response(draw: random.Random, number: int) -> bytes:
    """A response as crawlers store them; every one holds the page."""
    body, html = page(number), "Content-Type: text/html; charset=utf-8"
    packed = gzip.compress(body, mtime=0)
    choices: list[Callable[[], bytes]] = [
        *[lambda: http(body)] * 4,
        lambda: http(body, html, "Transfer-Encoding: chunked"),
        lambda: http(chunked(body, draw, extension=";name=value", trailer=b"X-Trailer: 1\r\n"), html, "Transfer-Encoding: chunked"),
        lambda: http(chunked(packed, draw), html, "Transfer-Encoding: chunked", "Content-Encoding: gzip"),
        lambda: http(packed, html, "Content-Encoding: x-gzip"),
        lambda: http(body, html, "Content-Encoding: gzip"),
        lambda: http(zlib.compress(body), html, "Content-Encoding: deflate"),
        lambda: http(raw_deflate(body), html, "Content-Encoding: deflate"),
        lambda: http(zstd.compress(body), html, "Content-Encoding: zstd"),
        lambda: http(body, html, f"Content-Encoding: {draw.choice(['none', 'utf-8', 'identity', 'br', 'nonsense'])}"),
        lambda: http(body, html, f"Content-Length: {draw.choice(['0', '7', '99999', 'x', '-1'])}"),
        lambda: http(body, "content-type: TEXT/HTML ;charset='utf-8'", end="\n"),
        lambda: http(body, "X-Folded: a", " b", "\tc", html, status="HTTP/2 200"),
        lambda: http(body, "Server: nothing of a type", status="ICY 200 OK"),
        lambda: http(body, html)[: -len(body) - 2] + body,  # no blank line
    ]
    return draw.choice(choices)()


def packed_by_record(records: list[bytes]) -> bytes:
    """A gzip member a record."""
    return b"".join(gzip.compress(content, mtime=0) for content in records)


def packed_in_blocks(records: list[bytes]) -> bytes:
    """Members that end anywhere, as block compressors write them."""
    whole = b"".join(records)
    return b"".join(gzip.compress(whole[start : start + 700], mtime=0) for start in range(0, len(whole), 700))


CONTAINERS: dict[str, Callable[[list[bytes]], bytes]] = {
    "a.warc": b"".join,
    "b.warc.gz": packed_by_record,
    "c.warc.gz": lambda records: gzip.compress(b"".join(records), mtime=0),
    "d.warc.gz": packed_in_blocks,
    "e.warc.gz": lambda records: packed_by_record([b"".join(records[at : at + 3]) for at in range(0, len(records), 3)]),
    "f.warc.zst": lambda records: b"".join(map(zstd.compress, records)),
    "g.warc.gz": b"".join,
    "h.warc": packed_by_record,
}
"""File name → the bytes of some records; the last two have names that say otherwise."""


def mutations(seed: int, n: int) -> Iterator[Hostile]:
    """`n` archives, each with one kind of fault."""
    makers = (flipped, cut, shuffled, wrong_length, odd_lines, joined_badly, foreign_bytes)
    for index in range(n):
        draw = random.Random(f"{seed} {index}")
        yield makers[index % len(makers)](draw)


def _made(name: str, content: bytes, made: Sound, lost: set[int | None]) -> Hostile:
    pages = {url_of(number): sentence(number) for number in made.numbers if number is not None}
    return Hostile(name, content, pages, frozenset(url_of(number) for number in lost if number is not None))


def flipped(draw: random.Random) -> Hostile:
    """Some bits flipped: costs the records they are in, or next to."""
    made = sound(draw)
    name = draw.choice(["a.warc", "b.warc.gz", "f.warc.zst", "c.warc.gz"])
    sizes = [len(CONTAINERS[name]([content])) for content in made.records]
    data = bytearray(CONTAINERS[name](made.records))
    lost: set[int | None] = set(made.numbers) if name == "c.warc.gz" else set()
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(data))
        data[at] ^= 1 << draw.randrange(8)
        start = 0
        for index, size in enumerate(sizes):
            # The blank lines behind a record belong to it and to the one that follows.
            if name != "c.warc.gz" and start - 6 <= at < start + size + 6:
                lost.add(made.numbers[index])
            start += size
    return _made(name, bytes(data), made, lost)


def cut(draw: random.Random) -> Hostile:
    """The end missing: costs what lies behind."""
    made = sound(draw)
    name = draw.choice(["a.warc", "b.warc.gz", "c.warc.gz"])
    sizes = [len(CONTAINERS[name]([content])) for content in made.records]
    data = CONTAINERS[name](made.records)
    stop = draw.randrange(len(data))
    if name == "c.warc.gz":
        return _made(name, data[:stop], made, set(made.numbers))
    lost = {number for index, number in enumerate(made.numbers) if sum(sizes[: index + 1]) > stop}
    return _made(name, data[:stop], made, lost)


def shuffled(draw: random.Random) -> Hostile:
    """Records swapped, doubled, left out: costs only what is not there."""
    made = sound(draw)
    order = [draw.randrange(len(made.records)) for _ in made.records]
    changed = Sound([made.records[index] for index in order], [made.numbers[index] for index in order])
    name = draw.choice(list(CONTAINERS))
    return _made(name, CONTAINERS[name](changed.records), changed, set())


def wrong_length(draw: random.Random) -> Hostile:
    """A record that lies about its length: costs at most itself."""
    made = sound(draw)
    at = draw.randrange(1, len(made.records))
    true = re.search(rb"\r\nContent-Length: (\d+)", made.records[at])
    assert true is not None
    size = int(true[1])
    wrong = draw.choice([0, 1, size - 1, size - 20, size + 1, size + 300, size + 5000, 10**6, 10**12, 10**30, -5])
    told = draw.choice([b"\r\nContent-Length: %d" % wrong, b"\r\nContent-Length: many", b"", b"\r\nContent-Length: %d%b" % (wrong, true[0])])
    made.records[at] = made.records[at].replace(true[0], told, 1)
    name = draw.choice(list(CONTAINERS))
    return _made(name, CONTAINERS[name](made.records), made, {made.numbers[at]})


def odd_lines(draw: random.Random) -> Hostile:
    """Headers written in ways that others read: costs nothing."""
    made = sound(draw)
    for at in range(len(made.records)):
        head, blank, rest = made.records[at].partition(b"\r\n\r\n")
        odd = draw.randrange(7)
        if odd == 0:
            head, blank = head.replace(b"\r\n", b"\n"), draw.choice([b"\n\n", b"\r\n\n", b"\n\r\n"])
        elif odd == 1:
            head = head.lower().replace(b"warc/1.0", b"WARC/0.18")
        elif odd == 2:
            head = head.replace(b"WARC/1.0", draw.choice([b"WARC/1.1", b"WARC/0.17", b"WARC/0.16"]))
        elif odd == 3:
            head += b"\r\nX-Folded: one\r\n two\r\n\tthree" + b"\r\nX-Same: 1" * 3
        elif odd == 4:
            head = head.replace(b"\r\nWARC-Date", b"\r\nno field at all\r\nWARC-Date")
        elif odd == 5:
            rest += draw.choice([b"\r\n", b"\n\n\n", b"\r\n" * 200])
        made.records[at] = head + blank + rest
    name = draw.choice(list(CONTAINERS))
    return _made(name, CONTAINERS[name](made.records), made, set())


def joined_badly(draw: random.Random) -> Hostile:
    """Records that follow without the blank lines between them: costs nothing."""
    made = sound(draw)
    made.records = [content.removesuffix(b"\r\n" * draw.randint(0, 2)) for content in made.records]
    name = draw.choice(list(CONTAINERS))
    return _made(name, CONTAINERS[name](made.records), made, set())


def foreign_bytes(draw: random.Random) -> Hostile:
    """Bytes between records that belong to none: costs nothing."""
    made = sound(draw)
    at = draw.randrange(1, len(made.records) + 1)
    junk = draw.choice([b"junk\n" * 9, draw.randbytes(500), b"WARC/1.0\r\n\r\n", b"<html>\n", b"\xef\xbb\xbf", b"WARC/1.0\r\nWARC-Type: resp", b"\0" * 600])
    name = draw.choice(["a.warc", "b.warc.gz"])
    packed = [CONTAINERS[name]([content]) for content in made.records]
    packed.insert(at, junk + b"\n" if name == "a.warc" else junk)
    return _made(name, b"".join(packed), made, set())
