"""JSON Lines at full speed say what a plain reading of every line says, for good lines and bad ones, whole or in stripes."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.json.jsonl import parse_block
from curate.read.part import FilePart
from curate.read.recipe import InputRecipe
from tests.curate.read.inputs import one_file, raw


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
    for record, expected in zip(got, slow(lines), strict=True):
        # json.dumps finds NaN equal to itself, and 1 other than 1.0
        assert json.dumps(record) == json.dumps(expected), lines[expected["row"]]


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


def test_rows_are_cut_to_batches(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text":"a"}\n' * 40_000)
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.jsonl")),))
    batches = list(read_part(FilePart(file)))
    assert max(batch.num_rows for batch in batches) <= 16_384
    assert np.array_equal(np.concatenate([batch["row"].to_numpy() for batch in batches]), np.arange(40_000))


def test_bad_json_lines_are_unreadable_one_by_one(tmp_path: Path) -> None:
    lines = [
        b'{"text": "good"}',
        b'{"text": "caf\xe9"}',
        b'{"text": "cut',
        b"[1]",
        b'{"text": 5}',
        b'{"text": "\\ud800"}',
        b"",
        b'{"text": null}',
        b'{"text": "last"}',
    ]
    records = raw(one_file(tmp_path, "a.jsonl", b"\n".join(lines)))
    problems = {record["row"]: record["problem"] for record in records}
    assert problems[0] is None and problems[7] is None and problems[8] is None and 6 not in problems
    assert "invalid UTF-8" in problems[1] and "not JSON" in problems[2] and problems[3] == "a JSON list, not an object"
    assert problems[4] == "text holds a int, not text" and "unpaired surrogate" in problems[5]
    assert [record["text"] for record in records if record["text"]] == ["good", "last"]
