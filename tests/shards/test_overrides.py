import copy

import pytest

from shards.errors import RecipeError
from shards.overrides import apply_override
from shards.recipe import Recipe


class Entry(Recipe):
    name: str
    keys: dict[str, float] = {}


class Example(Recipe):
    rules: tuple[Entry, ...] = (Entry(name="one"), Entry(name="two"))
    language: dict[str, str] | None = None
    out: str = ""


RAW = {"name": "x", "list": [{"name": "a", "v": 1}, "b", {"source": "c"}], "language": None, "plain": 3, "inputs": ["in/"]}


def changed(*overrides, raw=RAW):
    raw = copy.deepcopy(raw)
    for override in overrides:
        apply_override(raw, override, Example)
    return raw


@pytest.mark.parametrize(
    "override, path, value",
    [
        ("name=no", ("name",), "no"),
        ("out=off", ("out",), "off"),
        ("x=[NO, 1:30]", ("x",), ["NO", "1:30"]),
        ("x=", ("x",), None),
        ("x=a=b", ("x",), "a=b"),
        ("language.keep=[no]", ("language", "keep"), ["no"]),
        ("list.0.v=2", ("list", 0, "v"), 2),
        ("list.a.v=2", ("list", 0, "v"), 2),
        ("list.c.w.x=2", ("list", 2, "w", "x"), 2),
        ("list.b.v=2", ("list", 1), {"name": "b", "v": 2}),
        ("list.1.v=2", ("list", 1), {"name": "b", "v": 2}),
        ("inputs.0.v=2", ("inputs", 0), {"path": "in/", "v": 2}),
        ("list.2=z", ("list", 2), "z"),
        ("list.a=z", ("list", 0), "z"),
        ('s."news.de".share=0.5', ("s", "news.de", "share"), 0.5),
        ("rules.two.keys.x=1", ("rules", 1, "keys", "x"), 1),
    ],
)
def test_a_value_is_set_where_its_keys_lead(override, path, value):
    found = changed(override)
    for part in path:
        found = found[part]
    assert found == value


def test_a_default_list_is_written_out_before_one_entry_of_it_changes():
    assert changed("rules.one.keys.x=1")["rules"] == [{"name": "one", "keys": {"x": 1}}, {"name": "two"}]


@pytest.mark.parametrize(
    "override, said",
    [
        ("x", "expected key.subkey=value"),
        ("=1", "expected key.subkey=value"),
        ("a..b=1", "expected key.subkey=value"),
        (".a=1", "expected key.subkey=value"),
        ("x=[1", "not valid YAML"),
        ("x={a: 1, a: 2}", "appears twice"),
        ("x=\x00", "not valid YAML"),
        ("list.3.v=1", "the list has no item 3; it has a, b, c"),
        ("list.3=1", "the list has no item 3"),
        ("list.99999999999999999999=1", "the list has no item 9"),
        ("list.-1.v=1", "the list has no item -1"),
        ("list.nobody=1", "the list has no item nobody"),
        ("plain.x=1", "plain holds a plain value"),
        ("plain.x.y=1", "plain holds a plain value"),
    ],
)
def test_a_wrong_key_or_value_is_reported_in_one_line(override, said):
    with pytest.raises(RecipeError, match=said) as caught:
        changed(override)
    assert "\n" not in str(caught.value)


def test_two_entries_with_one_name_are_addressed_by_their_index():
    with pytest.raises(RecipeError, match="2 items are called a; give the index"):
        changed("list.a.v=1", raw={"list": [{"name": "a"}, {"name": "a"}]})
