"""Hostile text, JSON, CSV, Parquet and Arrow files: odd names, odd headers, odd values, and damage of every kind."""

import bz2
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

_TEXTS = [
    "",
    " ",
    "plain words about boats",
    "日本語の文",
    "a\nb\n\nc",
    "tab\tand \"quotes\" and 'these'",
    "\0\x01\x1b[31m",
    "e\u0301\u202e\ufeff",
    "😀" * 9,
    "x" * 3000,
]
_TEXTS += ['{"text": "nested"}', "<p>markup</p>", "a,b;c", "---\ntitle: x\n---\nbody", "\\ud800", "\u2028line\u2029", "NaN", "0" * 400]
_NAMES = ["n", "id", "id", "", "a.b", "text ", "TEXT", "url", "a\nb", "\x1b[31m", "metadata", "ü", "x" * 500, "__index_level_0__", "None", "\ufeffn"]
_FILES = ["a", "a b", "a\nb", "\x1b[2Ja", "ü日本", "-", "a\udcff\udcfe", "%s{0}", "x" * 200, "a\\b"]
_PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": partial(gzip.compress, mtime=0),
    ".zst": zstd.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
_ENCODINGS = ["latin-1", "gb18030", "utf-16", "utf-16-be", "utf-32", "shift_jis", "cp1252"]


@dataclass(frozen=True)
class Hostile:
    """A file: `name` as the file system takes it, `keys` of its input, and how many rows it has if it is `sound`."""

    name: str
    content: bytes
    keys: dict[str, Any] = field(default_factory=dict)
    n_rows: int = 0
    is_sound: bool = False


def mutations(seed: int, n: int) -> Iterator[Hostile]:
    """`n` files; the same for the same seed."""
    for number in range(n):
        draw = random.Random(f"{seed}/{number}")
        suffix, make = _MAKERS[number % len(_MAKERS)]
        content, n_rows, keys = make(draw)
        packing = draw.choice(["", "", *_PACK]) if suffix not in (".parquet", ".arrow") else ""
        damage = draw.choice(_DAMAGE)
        packed = _PACK[packing](content)
        damaged = damage(draw, packed) if draw.random() < 0.8 else _PACK[packing](damage(draw, content))
        encoding = draw.choice(_ENCODINGS) if suffix not in (".parquet", ".arrow") and draw.random() < 0.1 else None
        keys = keys | ({"encoding": encoding} if encoding else {}) | ({"max_document_bytes": 1000} if draw.random() < 0.1 else {})
        yield Hostile(draw.choice(_FILES) + suffix + packing, damaged, keys, n_rows, is_sound=damage is _left and encoding is None)


def _rows(draw: random.Random) -> list[dict[str, Any]]:
    names = draw.sample(_NAMES, draw.randint(0, 4))
    values: list[Any] = [None, 1, -1.5, True, "value", 10**30, [1, {"a": "b"}], {"deep": {"er": None}}]
    return [{"text": draw.choice(_TEXTS)} | {name: draw.choice(values) for name in names} for _ in range(draw.randint(0, 12))]


def _text(draw: random.Random) -> tuple[bytes, int, dict[str, Any]]:
    return "\n".join(draw.choice(_TEXTS) for _ in range(draw.randint(0, 5))).encode(), 1, {}


def _lines(draw: random.Random) -> tuple[bytes, int, dict[str, Any]]:
    lines = [line for line in (draw.choice(_TEXTS).replace("\n", " ") for _ in range(draw.randint(0, 9))) if line.strip()]
    return "".join(f"{line}\n" for line in lines).encode(), len(lines), {"format": "lines"}


def _jsonl(draw: random.Random) -> tuple[bytes, int, dict[str, Any]]:
    rows = _rows(draw)
    return "".join(json.dumps(row, ensure_ascii=draw.random() < 0.5) + "\n" for row in rows).encode(), len(rows), {}


def _json(draw: random.Random) -> tuple[bytes, int, dict[str, Any]]:
    rows = _rows(draw)
    indent = draw.choice([None, 0, 2])
    if draw.random() < 0.7:
        return json.dumps(rows, indent=indent, ensure_ascii=False).encode(), len(rows), {"format": "json"}
    return "\n".join(json.dumps(row, indent=indent) for row in rows).encode(), len(rows), {"format": "json"}


def _csv(draw: random.Random) -> tuple[bytes, int, dict[str, Any]]:
    names = ["text", *draw.sample(_NAMES, draw.randint(1, 4))]
    draw.shuffle(names)
    rows = [[draw.choice(_TEXTS) for _ in names] for _ in range(draw.randint(1, 12))]
    quoted = [",".join('"' + value.replace('"', '""') + '"' for value in row) for row in [names, *rows]]
    return "".join(f"{line}\n" for line in quoted).encode(), len(rows), {}


def _table(draw: random.Random) -> pa.Table:
    n = draw.randint(0, 20)
    texts = pa.array([draw.choice([None, *_TEXTS]) for _ in range(n)], pa.string())
    columns: list[pa.Array] = [
        draw.choice([texts, texts.cast(pa.large_string()), texts.dictionary_encode(), texts.cast(pa.binary()), texts.cast(pa.string_view())])
    ]
    kinds: list[Callable[[], pa.Array]] = [
        lambda: pa.array(range(n)),
        lambda: texts,
        lambda: pa.array([[1, None]] * n, pa.list_(pa.int8())),
        lambda: pa.array([{"a": [b"\xff"]}] * n, pa.struct([("a", pa.list_(pa.binary()))])),
        lambda: pa.nulls(n),
        lambda: pa.array([1.5] * n).cast(pa.float32()),
        lambda: texts.dictionary_encode(),
        lambda: pa.array([0] * n, pa.timestamp("us", "UTC")),
    ]
    names = draw.sample([name for name in _NAMES if name != "text"], draw.randint(0, 4))
    return pa.Table.from_arrays([*columns, *(draw.choice(kinds)() for _ in names)], names=["text", *names])


def _parquet(draw: random.Random) -> tuple[bytes, int, dict[str, Any]]:
    table, out = _table(draw), io.BytesIO()
    pq.write_table(table, out, row_group_size=draw.choice([3, 100]), compression=draw.choice(["none", "snappy", "zstd"]))
    return out.getvalue(), table.num_rows, {}


def _arrow(draw: random.Random) -> tuple[bytes, int, dict[str, Any]]:
    table, out = _table(draw), io.BytesIO()
    new = draw.choice([pa.ipc.new_file, pa.ipc.new_stream])
    options = pa.ipc.IpcWriteOptions(compression=draw.choice([None, "zstd", "lz4"]), emit_dictionary_deltas=True)
    with new(out, table.schema, options=options) as writer:
        writer.write_table(table.unify_dictionaries(), max_chunksize=draw.choice([4, 100]))
    return out.getvalue(), table.num_rows, {}


_MAKERS = [
    (".txt", _text),
    (".md", _text),
    (".lines", _lines),
    (".jsonl", _jsonl),
    (".json", _json),
    (".csv", _csv),
    (".parquet", _parquet),
    (".arrow", _arrow),
]


def _left(draw: random.Random, data: bytes) -> bytes:
    return data


def _flipped(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randint(1, 8) if data else 0):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(draw: random.Random, data: bytes) -> bytes:
    return data[: draw.randint(0, len(data))]


def _swapped(draw: random.Random, data: bytes) -> bytes:
    a, b, c = sorted(draw.randint(0, len(data)) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _inserted(draw: random.Random, data: bytes) -> bytes:
    at = draw.randint(0, len(data))
    return data[:at] + draw.choice([b"\0" * 50, b"\xff\xfe", b'"', b"\n", b"\r", b"{", b"]", b"\xed\xa0\x80", b"PAR1", draw.randbytes(9)]) + data[at:]


def _replaced(draw: random.Random, data: bytes) -> bytes:
    return draw.choice([b"", b"\0" * 300, b"hello, this is something else", b"\x1f\x8b", b"PAR1", b"ARROW1\0\0", b"[", b"\xff\xfe", draw.randbytes(300)])


_DAMAGE = [_left, _flipped, _flipped, _cut, _swapped, _inserted, _replaced]
