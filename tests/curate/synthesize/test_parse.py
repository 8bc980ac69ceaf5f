"""Completions to items, and the reasons where there are none."""

import pytest
from pydantic import TypeAdapter, ValidationError

from curate.synthesize.parse import AnyParser, NotParsed

BUILD = TypeAdapter(AnyParser)


def parser(**fields: object) -> AnyParser:
    return BUILD.validate_python(fields)


JSON = {"kind": "json", "required": ["q", "a"]}
REGEX = {"kind": "regex", "pattern": r"Q: (?P<q>.+?)\s*A: (?P<a>.+?)(?=\s*Q:|\Z)"}
TWO = [{"q": "one?", "a": "1"}, {"q": "two?", "a": "2"}]


@pytest.mark.parametrize(
    "completion",
    [
        '[{"q": "one?", "a": "1"}, {"q": "two?", "a": "2"}]',
        'Sure! [1] Here you go:\n```json\n[{"q": "one?", "a": "1"}, {"q": "two?", "a": "2"}]\n```\nAnything else?',
        '{"q": "one?", "a": "1"}\n{"q": "two?", "a": "2"}',
        '[{"q": "one?", "a": "1"}, {"q": "two?", "a": "2"},]',
        '1. {"q": "one?", "a": "1"}\n2. {"q": "two?", "a": "2"}\nAs {"said": 1} above.',
        '{"note": "two pairs"} [{"q": "one?", "a": "1"}, {"q": "two?", "a": "2"}] [{"q": "three?", "a": "3"}]',
        '<think>A list [of {things}] …</think>\n[{"q": "one?", "a": "1"}, {"q": "two?", "a": "2"}]',
    ],
)
def test_json_is_found_among_other_words(completion):
    assert parser(**JSON).parse(completion) == TWO


def test_line_breaks_in_strings_are_read():
    assert parser(**JSON).parse('[{"q": "one?", "a": "1\n2"}]') == [{"q": "one?", "a": "1\n2"}]


def test_items_may_lie_under_a_key():
    assert parser(**JSON, items="pairs").parse('{"pairs": [{"q": "one?", "a": "1"}, {"q": "two?", "a": "2"}]}') == TWO


def test_a_pattern_gives_an_item_for_each_match():
    assert parser(**REGEX).parse("Q: one?\nA: 1\nQ: two?\nA: 2") == TWO


def test_text_loses_what_the_task_says_it_should():
    made = parser(kind="text", drop_before=r"\AHere[^\n]*:\n", drop_after=r"\nI hope")
    assert made.parse("Here is the text:\nThe sea.\nI hope this helps!") == [{"text": "The sea."}]


def test_labels_take_the_spelling_of_the_task():
    made = parser(kind="regex", pattern="Topic: (?P<topic>.+)", choices={"topic": ["Law", "Other"]})
    assert made.parse("Topic: LAW") == [{"topic": "Law"}]


@pytest.mark.parametrize(
    "fields, completion, reason",
    [
        (JSON, "no idea", "not_json"),
        (JSON, '[{"q": "one?", "a": "1"', "not_json"),
        (JSON, '[{"q": "one?", "a": " "}]', "missing_field"),
        (JSON, '[{"q": "one?"}]', "missing_field"),
        (JSON | {"items": "pairs"}, '{"q": "one?", "a": "1"}', "missing_field"),
        (REGEX, "no idea", "no_match"),
        (REGEX | {"min_items": 2}, "Q: one?\nA: 1", "too_few"),
        ({"kind": "regex", "pattern": "T: (?P<t>.+)", "choices": {"t": ["x"]}}, "T: y", "not_a_choice"),
        ({"kind": "text"}, " \n", "empty"),
        ({"kind": "text"}, "<think>only thoughts", "empty"),
    ],
)
def test_what_cannot_be_used_has_a_reason(fields, completion, reason):
    with pytest.raises(NotParsed, match=f"^{reason}$"):
        parser(**fields).parse(completion)


@pytest.mark.parametrize("pattern, told", [("(", "not a valid pattern"), ("Q: (.+)", "no named group")])
def test_a_pattern_that_cannot_work_is_refused(pattern, told):
    with pytest.raises(ValidationError, match=told):
        parser(kind="regex", pattern=pattern)


def test_json_with_raw_line_breaks_and_mathematics_is_read():
    completion = '[{"q": "What is \\(x\\)\nhere?", "a": "It is \\alpha, or \\\\beta."}]'
    assert parser(**JSON).parse(completion) == [{"q": "What is \\(x\\)\nhere?", "a": "It is \\alpha, or \\beta."}]
