import math

import pytest
import yaml

from shards.yaml_text import YamlError, dump_yaml, load_yaml

TEXT = ["no", "No", "NO", "off", "on", "yes", "y", "n", "1:30", "2024-01-31", "2024-01-31T10:00:00Z", "1.2.3", "=", "12abc", "0o9", "1e", ".", "-", "+"]

# Each list holds the one before it ten times.
LAUGHS = "a: &a [1]\n" + "".join(f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True))


@pytest.mark.parametrize("text", TEXT)
def test_text_that_yaml_1_1_reads_as_another_type_stays_text(text):
    if text not in ("-", "=", "+"):
        assert load_yaml(f"[{text}]") == [text]
    assert load_yaml(f"'{text}'") == text
    assert load_yaml(f"{text}: 1") == {text: 1} if text != "-" else True


@pytest.mark.parametrize(
    "text, value",
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000_000", 1_000_000),
        ("1e5", 1e5),
        ("1.5", 1.5),
        (".5", 0.5),
        ("-3", -3),
        ("6.02e+23", 6.02e23),
        ("-.inf", -math.inf),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ('"no"', "no"),
    ],
)
def test_scalars_follow_yaml_1_2(text, value):
    found = load_yaml(f"a: {text}")["a"]
    assert found == value and type(found) is type(value)
    assert math.isnan(load_yaml(".nan"))


def test_keys_are_always_text():
    assert load_yaml("{1: a, no: b, true: c, 2024-01-31: d}") == {"1": "a", "no": "b", "true": "c", "2024-01-31": "d"}


def test_anchors_aliases_and_merges_give_separate_values():
    found = load_yaml("a: &x {p: 1, q: [2]}\nb: {<<: *x, p: 3}\nc: [*x, {<<: [{p: 5}, {p: 6, r: 7}]}]")
    assert found == {"a": {"p": 1, "q": [2]}, "b": {"p": 3, "q": [2]}, "c": [{"p": 1, "q": [2]}, {"p": 5, "r": 7}]}
    found["a"]["q"].append(9)
    assert found["b"]["q"] == [2]


@pytest.mark.parametrize(
    "text, said",
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key a appears twice"),
        ("x:\n  a: 1\n  a: 1", "line 3: the key a appears twice"),
        ("a:\n\t- 1", "line 2: .*tab"),
        ("a: [", "line"),
        ("? [a]\n: 1", "plain text"),
        ("a: " + "9" * 5000, "64 bits"),
        ("a: 18446744073709551616", "64 bits"),
        ("a: &x [*x]", "refers to a value that contains it"),
        ("{<<: 3}", "<< takes a mapping"),
        ("a: {b: " * 3000 + "}" * 3000, "nested too deeply|expected"),
        ("a: *nowhere", "undefined alias"),
        ("--- 1\n--- 2", "line 2: .*another document"),
        ("a: !!python/object:os.system {}", "not supported"),
        ("a: !!int x", "not a number"),
        ("a: \x00", "control characters"),
        (
            "\n".join(f"{b}: &{b} [{','.join(['*' + a] * 10)}]" if a else f"{b}: &{b} [1]" for a, b in zip(["", *"abcdefg"], "abcdefgh", strict=True)),
            "more than",
        ),
    ],
)
def test_invalid_yaml_is_reported_in_one_line(text, said):
    with pytest.raises(YamlError, match=said) as caught:
        load_yaml(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [*TEXT, "1e5", "0o17", "true", "null", "~", "1_000", ".5", "<<", "", " x ", "ä", "a: b", "# x", "010"])
def test_text_that_is_written_is_read_back_by_this_reader_and_by_one_of_yaml_1_1(text):
    written = dump_yaml({"b": text, "a": [text], text: 1, "n": 1.5, "i": 10, "t": True, "z": None})
    assert load_yaml(written) == {"b": text, "a": [text], text: 1, "n": 1.5, "i": 10, "t": True, "z": None}
    assert yaml.safe_load(written)["b"] == text


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[{a: "])
def test_excessive_nesting_is_an_error_not_a_crash(opening: str):
    with pytest.raises(YamlError, match="nested too deeply"):
        load_yaml(opening * 100_000)


def test_reasonably_deep_nesting_is_read():
    value = load_yaml("[" * 150 + "1" + "]" * 150)
    for _ in range(150):
        (value,) = value
    assert value == 1
    assert load_yaml("- a: [1, {b: -2}]\n" * 500) == [{"a": [1, {"b": -2}]}] * 500
