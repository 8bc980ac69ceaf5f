"""JSON that is no JSON Lines: arrays and objects over several lines, read in pieces of any size."""

import json
import random
from collections.abc import Iterator

import pytest

from curate.read.batch import FileFault
from curate.read.json.flatten import first_keys, json_lines

RECORDS = [
    {"text": 'a "quoted" } ] , [ { text', "n": [1, {"a": [2, "],["]}]},
    {"text": "", "deep": {"a": {"b": {}}}},
    {"text": 'back\\slash \\" and\nlines\ttabs', "x": None},
    {"text": "ünï 日本", "y": 1.5e-3},
]


def pieces(text: str, size: int) -> Iterator[bytes]:
    data = text.encode()
    return (data[at : at + size] for at in range(0, len(data), size))


def entries(text: str, size: int = 7) -> list[object]:
    return [json.loads(line) for line in b"".join(json_lines(pieces(text, size))).split(b"\n") if line.strip()]


@pytest.mark.parametrize("indent", [None, 0, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 16, 1 << 20])
def test_arrays_lines_and_objects_give_the_same_records(indent: int | None, size: int) -> None:
    assert entries(json.dumps(RECORDS, indent=indent), size) == RECORDS
    assert entries(" \n\n" + json.dumps(RECORDS, indent=indent, ensure_ascii=False) + "\n\n", size) == RECORDS
    assert entries("\n".join(json.dumps(record) for record in RECORDS), size) == RECORDS
    assert entries("\n".join(json.dumps(record, indent=indent) for record in RECORDS), size) == RECORDS
    assert entries(json.dumps(RECORDS[0], indent=indent), size) == RECORDS[:1]


def test_the_number_of_a_line_is_the_number_of_its_entry() -> None:
    lines = b"".join(json_lines(pieces(json.dumps(RECORDS, indent=3), 11))).split(b"\n")
    assert [json.loads(line) for line in lines[: len(RECORDS)]] == RECORDS and not b"".join(lines[len(RECORDS) :]).strip()


@pytest.mark.parametrize("text", ["[]", " [ ] ", "[\n]", "", " \n "])
def test_empty_json_has_no_entries(text: str) -> None:
    assert entries(text) == []


@pytest.mark.parametrize("cut", range(1, 40))
def test_an_array_that_is_cut_short_gives_its_whole_entries_and_a_fault(cut: int) -> None:
    whole = json.dumps([{"text": str(number)} for number in range(20)], indent=1)
    with pytest.raises(FileFault, match="cut short"):
        list(json_lines(pieces(whole[:-cut], 9)))
    lines: list[bytes] = []
    try:
        for piece in json_lines(pieces(whole[:-cut], 9)):
            lines.append(piece)
    except FileFault:
        pass
    kept = [json.loads(line) for line in b"".join(lines).split(b"\n")[:-1]]
    assert kept == [{"text": str(number)} for number in range(len(kept))] and len(kept) >= 20 - cut


def test_an_object_that_does_not_end_is_a_fault() -> None:
    with pytest.raises(FileFault, match="object does not end"):
        entries('{\n"text": {"a": 1}')


def test_content_after_an_array_is_a_fault_after_its_entries() -> None:
    stream = json_lines(pieces('[{"text": "a"}] [{"text": "b"}]', 100))
    assert json.loads(next(stream).split(b"\n")[0]) == {"text": "a"}
    with pytest.raises(FileFault, match="continues after the end"):
        list(stream)


def test_damaged_lines_stay_separate_lines() -> None:
    text = '{"text": "a"}\n{"text": "b\n{"text": "c"}\nnonsense\n{"text": "d"}'
    assert b"".join(json_lines(pieces(text, 5))) != b"" and b"".join(json_lines(pieces(text, 1 << 20))).split(b"\n") == text.encode().split(b"\n")


def test_a_line_feed_inside_a_string_is_invalid_as_in_lines() -> None:
    (line,) = [line for line in b"".join(json_lines(pieces('[{"text": "a\nb"}]', 4))).split(b"\n") if line.strip()]
    with pytest.raises(ValueError, match="control character"):
        json.loads(line)


def test_keys_are_those_of_the_first_entries() -> None:
    assert first_keys(pieces('[{"a": 1},\n {"a": 2, "b": 3}]', 100)) == ["a", "b"]
    assert first_keys(pieces('["a", "b"]', 3)) is None
    assert first_keys(pieces("not json", 3)) is None
    assert first_keys(pieces("", 3)) is None


def test_any_bytes_give_lines_or_a_fault() -> None:
    draw = random.Random(5)
    for _ in range(300):
        text = "".join(draw.choice('[]{}",:\\\n a1é') for _ in range(draw.randrange(60)))
        results = []
        for size in (1, 4, 1000):
            try:
                results.append(b"".join(json_lines(pieces(text, size))).rstrip())
            except FileFault as fault:
                assert "\n" not in str(fault)


@pytest.mark.parametrize("between", ["", " ", "\t", "\n", "\n\n"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_consecutive_objects_on_a_line_are_read_one_by_one(between: str, size: int) -> None:
    records = [{"text": f"}}{{ {number}", "deep": {"a": [{}, {}]}} for number in range(4)]
    data = between.join(json.dumps(record) for record in records).encode()
    lines = b"".join(json_lines(iter([data[at : at + size] for at in range(0, len(data), size)]))).split(b"\n")
    assert [json.loads(line) for line in lines if line.strip()] == records
