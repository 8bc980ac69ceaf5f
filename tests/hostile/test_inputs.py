"""Two thousand damaged inputs: every document that was planted is read, unreadable, or lies in a file that is told to be broken; nothing crashes."""

import bz2
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from curate.pipeline.run import run
from curate.read.batch import FileFault
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart
from curate.read.recipe import InputRecipe
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from tests.curate.corpus import document, html, jsonl, warc

Made = tuple[str, bytes, int]
"""File name, content, and how many records lie in it as planted."""
COMPRESS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
BAD_LINES = [
    *(b"not json", b'{"text": 5}', b'{"text": ["a"]}', b'{"text": "caf\xe9"}', b'{"text": "a\x00b"}', b'{"text": "\\ud800"}', b"[1, 2]", b'"text"', b"null"),
    *(b'{"text": "cut', b'{"text": "a"} {"text": "b"}', b'{"no text": 1}', b'{"text": null}', b'{"text": "a", "n": NaN}', b'{"text": "a", "n": 1e999}'),
    *(b'{"text": "a", "n": ' + b"9" * 6000 + b"}", b'{"text": "a", "d": ' + b"[" * 5000 + b"]" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 20_000),
    *(
        b'{"text": "a", "text": "b"}',
        b'\xef\xbb\xbf{"text": "bom"}',
        b"\xff\xfe{\x00}\x00",
        b'{"text": "dup", "id": 1}',
        b'{"text": "dup", "id": 1}',
        b'{"text": "a"}\r',
    ),
]


def lines(draw: random.Random) -> tuple[bytes, int]:
    n = draw.randint(1, 12)
    made = [draw.choice(BAD_LINES) if draw.random() < 0.5 else json.dumps({"text": document(draw.randrange(99), 2)}).encode() for _ in range(n)]
    return b"".join(line + draw.choice([b"\n", b"\r\n"]) for line in made), n


def bad_lines(draw: random.Random) -> Made:
    data, n = lines(draw)
    suffix = draw.choice(list(COMPRESS))
    return f"a.jsonl{suffix}", COMPRESS[suffix](data), n


def cut_lines(draw: random.Random) -> Made:
    data, n = lines(draw)
    suffix = draw.choice([".gz", ".zst", ".bz2", ".xz"])
    packed = COMPRESS[suffix](data)
    return f"a.jsonl{suffix}", packed[: draw.randrange(len(packed))], n


def flipped_lines(draw: random.Random) -> Made:
    name, packed, n = bad_lines(draw)
    return name, flipped(draw, packed), n


def wrong_magic(draw: random.Random) -> Made:
    suffix = draw.choice([".jsonl.gz", ".jsonl.zst", ".txt.bz2", ".parquet", ".arrow", ".warc.gz", ".csv.xz", ".warc"])
    return (
        f"a{suffix}",
        draw.choice([b"", b"hello, this is something else", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"ARROW1\0\0", bytes(300)]),
        1,
    )


def wild_text(draw: random.Random) -> Made:
    text = document(draw.randrange(99), 3)
    wild = [text.encode("utf-16"), text.encode() + b"\xff\xfe", b"\0" * 500, b"\xef\xbb\xbf" + text.encode(), b"", b"\n\n\n", text.replace("\n", "\r").encode()]
    return draw.choice(["a.txt", "a.md"]), draw.choice(wild), 1


def bad_pages(draw: random.Random) -> Made:
    depth = draw.choice([10, 1000, 20_000])
    pages = [
        b"<div>" * depth + b"x",
        b"<p>" + bytes(200),
        b"<" * 2000,
        b"",
        b"<!doctype html><title>",
        html(document(3)).encode("utf-16"),
        b"<table><tr>" * depth,
    ]
    return "a.html", draw.choice(pages), 1


def bad_archive(draw: random.Random) -> Made:
    n = draw.randint(1, 4)
    archive = warc([("response", f"http://{index}", html(document(index, 3))) for index in range(n)])
    kind = draw.randint(0, 3)
    if kind == 0:
        return "a.warc.gz", archive[: draw.randrange(len(archive))], n
    if kind == 1:
        return "a.warc.gz", flipped(draw, archive), n
    plain = gzip.decompress(archive)
    return "a.warc", plain[: draw.randrange(len(plain))] if kind == 2 else flipped(draw, plain), n


def bad_table(draw: random.Random) -> Made:
    n = draw.randint(1, 30)
    table = pa.table({"text": [document(index, 1) for index in range(n)], "n": list(range(n))})
    out = io.BytesIO()
    kind = draw.randint(0, 4)
    if kind == 0:
        return "a.csv", b"text,n\n" + b"".join(draw.choice([b"good,1\n", b"one\n", b"a,b,c\n", b'"caf\xe9",2\n', b'"two\nlines",3\n']) for _ in range(n)), n
    if kind == 1:
        table = pa.table({"text": pa.array(range(n))})
    if kind == 2:
        raw = pa.array([draw.choice([b"good", b"caf\xe9", b"\xff", None]) for _ in range(n)], pa.binary())
        table = pa.table({"text": raw, "blob": raw, "deep": [[{"b": b"\xff"}]] * n})
    if draw.random() < 0.5:
        pq.write_table(table, out, row_group_size=7)
    else:
        with pa.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table, max_chunksize=5)
    data = out.getvalue()
    data = data[: draw.randrange(len(data))] if kind == 3 else flipped(draw, data) if kind == 4 else data
    return "a.parquet" if data[:4] == b"PAR1" else "a.arrow", data, n


def flipped(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


MAKERS = [bad_lines, cut_lines, flipped_lines, wrong_magic, wild_text, bad_pages, bad_archive, bad_table]
MAY_MULTIPLY = (flipped_lines, bad_archive, bad_table, wild_text)  # a byte flipped into a newline makes two records of one


def read_all(path: Path, **settings: object) -> tuple[list[dict[str, object]], list[str]]:
    files, _ = list_files((InputRecipe.model_validate({"path": str(path), **settings}),))
    rows, faults = [], []
    for file in files:
        try:
            for batch in read_part(FilePart(file)):
                batch.validate(full=True)
                rows += batch.to_pylist()
        except (FileFault, OSError) as fault:
            faults.append(str(fault))
    return rows, faults


def check_seeds(folder: Path, seeds: range) -> None:
    for seed in seeds:
        draw = random.Random(seed)
        maker = MAKERS[seed % len(MAKERS)]
        name, content, n_records = maker(draw)
        path = folder / name
        path.write_bytes(content)
        rows, faults = read_all(path)
        path.unlink()
        assert faults or len(rows) == n_records or maker in MAY_MULTIPLY or maker is wrong_magic, (seed, name, len(rows), n_records)
        assert all("\n" not in fault for fault in faults), faults
        numbers = [row["row"] for row in rows]
        assert len(set(numbers)) == len(numbers), (seed, name)
        for row in rows:
            assert (row["problem"] is None) == (row["rule"] is None) and (row["text"] is None or row["problem"] is None), (seed, row)
            assert row["metadata"] == "" or isinstance(json.loads(str(row["metadata"]), parse_int=str), dict), (seed, row)


def test_a_hundred_damaged_inputs_are_accounted_for(tmp_path: Path) -> None:
    check_seeds(tmp_path, range(104))


@pytest.mark.slow
def test_two_thousand_damaged_inputs_are_accounted_for(tmp_path: Path) -> None:
    check_seeds(tmp_path, range(104, 2104))


def test_a_run_over_damaged_files_keeps_every_good_document(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    good = [document(seed) for seed in range(5)]
    for index, text in enumerate(good):
        (folder / f"good{index}.jsonl").write_bytes(b"".join(line + b"\n" for line in BAD_LINES) + jsonl([{"text": text}]))
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(jsonl([{"text": document(9)}] * 50))[:-30])
    (folder / "empty.txt").write_bytes(b"")
    (folder / "folder.jsonl").mkdir()
    (folder / "dangling.jsonl").symlink_to(folder / "nowhere")
    (folder / "secret.txt").write_bytes(b"cannot be read")
    (folder / "secret.txt").chmod(0)
    recipe = CurateRecipe(name="bad", inputs=(str(folder),), rules=(), language=None)  # type: ignore[arg-type]
    report = run(recipe, tmp_path / "out", 1).report
    texts = ShardSet(tmp_path / "out" / "documents").to_table()["text"].to_pylist()
    assert set(good) <= set(texts)
    assert any(fault["file"].endswith("cut.jsonl.gz") for fault in report["faults"])
    counts = report["counts"]
    assert counts["read"] == counts["kept"] + counts["held_out"] + counts["dropped"] + counts["unreadable"]
    assert counts["read"] >= 5 * (len(BAD_LINES) + 1)


def test_a_file_that_vanishes_or_changes_during_the_run_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl([{"text": "a"}]))
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    path.write_bytes(jsonl([{"text": "a"}] * 2))
    with pytest.raises(FileFault, match="changed while the run was reading"):
        list(read_part(FilePart(file)))
    path.unlink()
    with pytest.raises(FileFault, match="No such file"):
        list(read_part(FilePart(file)))


@pytest.mark.slow
def test_a_line_of_a_hundred_megabytes_is_a_document_if_allowed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text":"' + b"word " * 20_000_000 + b'"}\n{"text":"next"}\n', 1))
    rows, faults = read_all(path, max_document_bytes=1 << 27)
    assert [len(str(row["text"])) for row in rows] == [100_000_000, 4] and not faults
    rows, faults = read_all(path)
    assert [(row["text"], row["problem"] is None) for row in rows] == [(None, False), ("next", True)] and not faults
