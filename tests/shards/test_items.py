import json

import pytest

from shards.errors import CptkitError, ShardError
from shards.items import TextItem, read_items, split_pair


def write(path, *lines):
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), encoding="utf-8")
    return path


def test_every_spelling_of_an_item(tmp_path):
    items = read_items(
        write(
            tmp_path / "items.jsonl",
            {"id": "a", "context": "2 + 2 =", "choices": [" 3", " 4"], "gold": 1, "group": 7},
            "",
            {"question": "2 + 2 =", "choices": [" 3", " 4"], "answer": " 3"},
            {"context": "", "continuation": "once\u2028more"},
        )
    )
    assert items == [
        TextItem("a", "2 + 2 =", (" 3", " 4"), 1, "7"),
        TextItem("3", "2 + 2 =", (" 3", " 4"), 0),
        TextItem("4", "", ("once\u2028more",), 0),
    ]
    assert [item.answer for item in items] == [" 4", " 3", "once\u2028more"]


@pytest.mark.parametrize(
    "line, words",
    [
        ({"context": "c", "choices": ["a", "b"]}, "line 1: has no gold, the index of the right choice"),
        ({"context": "c", "choices": ["a", "b"], "gold": 2}, "gold: 2 is no index of its 2 choices"),
        ({"context": "c", "choices": ["a", "b"], "gold": -1}, "gold: -1 is no index"),
        ({"context": "c", "choices": ["a", "b"], "gold": True}, "gold: True is no index"),
        ({"context": "c", "choices": ["a", "a"], "answer": "a"}, "answer: 'a' is not exactly one of the choices"),
        ({"context": "c", "choices": ["a", "b"], "gold": 0, "answer": 1}, "both gold and answer"),
        ({"context": "c", "choices": ["a", ""], "gold": 0}, "choices must be texts that are not empty"),
        ({"context": "c", "choices": [], "gold": 0}, "needs continuation, or choices"),
        ({"context": "c"}, "needs continuation, or choices"),
        ({"context": "c", "continuation": "d", "choices": ["d"]}, "both choices and continuation"),
        ({"continuation": "d"}, "needs context or question as text"),
        ({"context": 3, "continuation": "d"}, "needs context or question as text"),
        ([1], "an item is a JSON object"),
        ("{", "line 1: Expecting property name"),
        ('{"context": "\\ud800", "continuation": "d"}', "surrogates not allowed"),
    ],
)
def test_a_bad_item_is_named_by_its_line(tmp_path, line, words):
    with pytest.raises(ShardError, match=r"items\.jsonl, line 1: ") as error:
        read_items(write(tmp_path / "items.jsonl", line))
    assert words in str(error.value) and "\n" not in str(error.value)


def test_files_that_hold_no_items_and_ids_that_appear_twice(tmp_path):
    with pytest.raises(ShardError, match=r"no such file"):
        read_items(tmp_path / "none.jsonl")
    with pytest.raises(ShardError, match=r"holds no items"):
        read_items(write(tmp_path / "empty.jsonl"))
    (tmp_path / "latin.jsonl").write_bytes(b'{"context": "caf\xe9"}')
    with pytest.raises(CptkitError, match=r"cannot be read as UTF-8"):
        read_items(tmp_path / "latin.jsonl")
    twice = {"id": "x", "context": "c", "continuation": "d"}
    with pytest.raises(ShardError, match=r"line 2: the id 'x' is also that of line 1"):
        read_items(write(tmp_path / "twice.jsonl", twice, twice))


def test_blanks_before_an_answer_belong_to_it():
    assert split_pair("the capital is ", "Rome") == ("the capital is", " Rome")
    assert split_pair("\n", "Rome") == ("", "\nRome")
    assert split_pair("is", " Rome") == ("is", " Rome")
