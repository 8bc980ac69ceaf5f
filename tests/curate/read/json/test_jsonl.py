"""JSON Lines at full speed say what a plain reading of every line says, for good lines and bad ones, whole or in stripes."""

import bz2
import gzip
import json
import lzma
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard

from curate.read.batch import FileFault
from curate.read.content.decompress import chunks
from curate.read.content.lines import line_blocks
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.json.jsonl import parse_block
from curate.read.part import Part
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from tests.curate.corpus import document

COMPRESS = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def slow(lines: list[bytes], text_column: str = "text", url_column: str = "url") -> list[dict[str, Any]]:
    """The definition: json.loads of each line; only whether a line is readable is compared for bad ones."""
    records = []
    for row, line in enumerate(lines):
        if not line.strip():
            continue
        record: dict[str, Any] = {"row": row, "text": None, "url": "", "metadata": {}, "bad": True}
        records.append(record)
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        text = value.pop(text_column, None) if isinstance(value, dict) else 0
        if text is None or (isinstance(text, str) and not any("\ud800" <= char < "\ue000" for char in text)):
            url = str(value.pop(url_column, None) or "")
            url = "" if any("\ud800" <= char < "\ue000" for char in url) else url
            record |= {"text": text, "url": url, "metadata": value, "bad": False}
    return records


def fast(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    rows = []
    for row in batch.to_pylist():
        bad = row["problem"] is not None
        url, metadata = ("", {}) if bad else (row["url"], json.loads(row["metadata"] or "{}"))
        rows.append({"row": row["row"], "text": row["text"], "url": url, "metadata": metadata, "bad": bad})
    return rows


def check(lines: list[bytes]) -> None:
    got = fast(parse_block(b"\n".join(lines), 0, "text", "url"))
    for one, expected in zip(got, slow(lines), strict=True):
        # json.dumps finds NaN equal to itself, and 1 other than 1.0
        assert json.dumps(one) == json.dumps(expected), lines[expected["row"]]


ODD_LINES = [
    *(b"", b"  \t\r", b"{}", b"[]", b"null", b"{", b"}", b'{"text"}', b'{"text":}', b'{"text":"a",}', b'{,"text":"a"}', b'{"text":"a"}}', b'{"text":"a"} x'),
    *(
        b'{"text":"a"}\r',
        b' { "text" : "a" , "b" : [ 1 , { "c" : [ ] } ] } ',
        b'{"text":"a","b":[1,]}',
        b'{"text":"a","b":{"c":1,}}',
        b'{"text":"a","b":[1 2]}',
    ),
    *(b'{"text":"\\u0041\\ud83d\\ude00\\u00e9\\u20ac"}', b'{"text":"\\ud83d"}', b'{"text":"\\ude00"}', b'{"text":"\\ud83dx"}', b'{"text":"\\ud83d\\u0041"}'),
    *(b'{"text":"\\u12"}', b'{"text":"\\x"}', b'{"text":"a\\', b'{"text":"a\tb"}', b'{"text":"a\x00b"}', b'{"text":"\\u0000"}', b'{"te\\u0078t":"a"}'),
    *(b'{"text":"a","text":"b"}', b'{"text":1,"text":"b"}', b'{"url":"a","url":5,"text":"x"}', b'{"a":1,"a":2,"text":"x"}', b'{"text":null,"url":null}'),
    *(
        b'{"text":5}',
        b'{"text":["a"]}',
        b'{"text":{"a":1}}',
        b'{"text":true}',
        b'{"text":NaN}',
        b'{"text":-1.5}',
        b'{"text":"a","url":7}',
        b'{"text":"a","url":["b"]}',
    ),
    *(b'{"text":"a","url":"\\ud800"}', b'{"text":"a","m":"\\ud800"}', b'{"text":"a","m":NaN}', b'{"text":"a","m":-Infinity}', b'{"text":"a","m":nul}'),
    *(
        b'{"text":"a","n":01}',
        b'{"text":"a","n":1.}',
        b'{"text":"a","n":.5}',
        b'{"text":"a","n":+1}',
        b'{"text":"a","n":1e}',
        b'{"text":"a","n":-}',
        b'{"text":"a","n":-0}',
    ),
    *(
        b'{"text":"a","n":1e5,"m":0.10,"k":-12E+3}',
        b'{"text":"caf\xe9"}',
        b'{"text":"caf\xc3\xa9","m":"\xe2\x82\xac"}',
        b'{"text":"a","m":"\xff"}',
        b'{"text":"\xed\xa0\x80"}',
    ),
    *(
        b'\xef\xbb\xbf{"text":"bom"}',
        b'{"text":"a"' + b"," * 3 + b"}",
        b'{"text":"a","d":' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"":"a","text":""}',
        b"\x0b\x0c",
    ),
    *(b'{"text":"a","d":' + b'{"e":' * 62 + b"1" + b"}" * 62 + b"}", b'{"text":"a","d":' + b'{"e":' * 61 + b"1" + b"}" * 61 + b"}", b"truefalse", b'"text"'),
    b"{" + b",".join(b'"k%d":%d' % (index, index) for index in range(300)) + b',"text":"many keys"}',
]


def test_odd_lines_read_as_pythons_parser_reads_them() -> None:
    check(ODD_LINES)
    for line in ODD_LINES:
        check([line])
        check([b'{"text":"before"}', line, b'{"text":"\xc3\xa9 after"}'])


def test_any_object_reads_as_pythons_parser_reads_it() -> None:
    draw = random.Random(0)
    check([json.dumps(some_object(draw), ensure_ascii=draw.random() < 0.5, indent=None).encode() for _ in range(500)])


def test_damaged_objects_read_as_pythons_parser_reads_them() -> None:
    draw = random.Random(1)
    lines = []
    for _ in range(3000):
        line = bytearray(json.dumps(some_object(draw), ensure_ascii=draw.random() < 0.5).encode())
        for _ in range(draw.randint(1, 3)):
            line[draw.randrange(len(line))] = draw.choice(b'"\\{}[]:,0e-. \x00\x1f\x80\xc3tn')
        lines.append(bytes(line).replace(b"\n", b" "))
    check(lines)


def some_object(draw: random.Random) -> dict[str, Any]:
    value: dict[str, Any] = {draw.choice(["a", "b", "né", "k"]) + str(index): some_value(draw, 3) for index in range(draw.randint(0, 5))}
    if draw.random() < 0.9:
        value["text"] = some_string(draw)
    if draw.random() < 0.5:
        value["url"] = some_string(draw)
    keys = list(value)
    draw.shuffle(keys)
    return {key: value[key] for key in keys}


def some_string(draw: random.Random) -> str:
    return "".join(draw.choice('abcdefgh ijklmnop qrst\n\t"\\/é€😀\x7f\u2028') for _ in range(draw.choice([0, 1, 7, 8, 9, 60])))


def some_value(draw: random.Random, depth: int) -> Any:
    kind = draw.randint(0, 7 if depth else 5)
    if kind < 6:
        return [None, True, draw.randint(-(10**20), 10**20), draw.uniform(-1, 1) * 10.0 ** draw.randint(-300, 300), some_string(draw), False][kind]
    inner = [some_value(draw, depth - 1) for _ in range(draw.randint(0, 3))]
    return inner if kind == 6 else {str(index): value for index, value in enumerate(inner)}


def test_numbers_in_metadata_stay_as_they_were_written() -> None:
    numbers = '{"a":1.10,"b":1E400,"c":-0.0,"d":123456789012345678901234567890,"e":[0.30000000000000004441,1e-7]}'
    for key in ("text", "te\\u0078t"):  # the second goes through Python's parser
        (record,) = parse_block(f'{{"{key}":"x",{numbers[1:]}'.encode(), 0, "text", "url").to_pylist()
        assert record["metadata"] == numbers and record["text"] == "x"
    huge = "9" * 5000  # more digits than Python turns into an integer
    (record,) = parse_block(f'{{"text":"x","n":{huge},"m":NaN}}'.encode(), 0, "text", "url").to_pylist()
    assert record["metadata"] == f'{{"n":{huge},"m":NaN}}'


def test_nesting_is_limited_at_the_same_depth_everywhere() -> None:
    for levels, readable in ((199, True), (201, False), (100_000, False)):
        (record,) = parse_block(b'{"text":"x","d":' + b"[" * levels + b"]" * levels + b"}", 0, "text", "url").to_pylist()
        assert (record["problem"] is None) == readable
        assert readable or record["problem"] == "not JSON: nested deeper than 200 levels"


def test_other_columns_can_be_named() -> None:
    (record,) = parse_block('{"text":"no","Körper":"yes","link":"u"}'.encode(), 7, "Körper", "link").to_pylist()
    assert (record["text"], record["url"], record["row"], json.loads(record["metadata"])) == ("yes", "u", 7, {"text": "no"})


@pytest.mark.parametrize("suffix", COMPRESS)
def test_stripes_together_are_the_file(tmp_path: Path, suffix: str) -> None:
    lines = [json.dumps({"text": document(index, index % 7), "n": index}) if index % 5 else "" for index in range(300)]
    data = "\n".join(lines).encode()
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(COMPRESS[suffix](data))
    expected = [(record["row"], record["metadata"]["n"]) for record in slow(data.split(b"\n"))]
    for bounds in ([0, 1000, 30_000], [0, data.index(b"\n"), data.index(b"\n") + 1, len(data) - 1, len(data), 10 * len(data)], list(range(0, len(data), 7919))):
        got = [(row["row"], json.loads(row["metadata"])["n"]) for row in read_stripes(path, bounds)]
        assert got == expected


def read_stripes(path: Path, bounds: list[int]) -> list[dict[str, Any]]:
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    parts = [Part(file, start, stop) for start, stop in zip(bounds, [*bounds[1:], None], strict=True)]
    return [row for part in parts for batch in read_part(part) for row in batch.to_pylist()]


def test_damage_is_told_by_one_stripe_alone_after_all_whole_lines(tmp_path: Path) -> None:
    data = b"".join(json.dumps({"text": document(index)}).encode() + b"\n" for index in range(400))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(data)[:-9000])
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    bounds = list(range(0, len(data), 20_000))
    rows, faults = [], []
    for start, stop in zip(bounds, [*bounds[1:], None], strict=True):
        try:
            for batch in read_part(Part(file, start, stop)):
                rows += batch["row"].to_pylist()
        except FileFault as fault:
            faults.append(str(fault))
    assert faults == ["the compressed data is cut short; fetch the file again"]
    assert rows == list(range(len(rows))) and 200 < len(rows) < 400


def test_large_files_are_cut_by_their_bytes_alone(tmp_path: Path) -> None:
    data = b"".join(json.dumps({"text": document(index)}).encode() + b"\n" for index in range(2000))
    (tmp_path / "a.jsonl").write_bytes(data)
    (tmp_path / "b.jsonl.zst").write_bytes(zstandard.compress(data))
    files, _ = list_files((InputRecipe(path=str(tmp_path)),))
    tasks = cut_tasks(files, 50_000)
    assert tasks == cut_tasks(files, 50_000)
    parts = [part for task in tasks for part in task.parts]
    assert 2 < len([part for part in parts if part.file.name == "b.jsonl.zst"]) <= 16
    for name in ("a.jsonl", "b.jsonl.zst"):
        rows = [row for part in parts if part.file.name == name for batch in read_part(part) for row in batch["row"].to_pylist()]
        assert rows == list(range(2000))


def test_a_line_longer_than_the_limit_is_one_unreadable_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.read.content.lines.MAX_RECORD_BYTES", 3 << 20)
    monkeypatch.setattr("curate.read.content.lines.BLOCK_BYTES", 1 << 16)
    path = tmp_path / "a.jsonl.gz"
    small = b'{"text":"small"}\n'
    path.write_bytes(gzip.compress(small * 3 + b"x" * (9 << 20) + b"\n\n" + small + b"y" * (9 << 20)))
    problems = {row["row"]: row["problem"] for row in read_stripes(path, [0])}
    assert list(problems) == [0, 1, 2, 3, 5, 6]
    assert {row for row, problem in problems.items() if problem and "longer than" in problem} == {3, 6}


def test_memory_does_not_grow_with_a_members_expansion(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.jsonl.zst"
    bomb.write_bytes(zstandard.compress((b'{"text":"a"}\n' + b" " * 9_999_987) * 40))
    sizes = [len(block.data or b"") for block in line_blocks(chunks(str(bomb)))]
    assert sum(sizes) == 400_000_000 and max(sizes) <= 16 << 20 and bomb.stat().st_size < 200_000


def test_rows_are_cut_to_batches(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text":"a"}\n' * 40_000)
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.jsonl")),))
    batches = list(read_part(Part(file)))
    assert max(batch.num_rows for batch in batches) <= 16_384
    assert np.array_equal(np.concatenate([batch["row"].to_numpy() for batch in batches]), np.arange(40_000))
