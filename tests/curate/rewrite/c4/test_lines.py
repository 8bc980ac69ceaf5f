import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite.c4.lines import ALL_RULES, COLUMNS, C4Rules, c4_lines
from tests.curate.web_like import documents

_PARTS = [
    *[
        "[1]",
        "[12]",
        "[edit]",
        "[citation needed]",
        "[",
        "]",
        "[٣]",
        "[a]",
        "{",
        "}",
        "lorem ipsum",
        "Lorem IPSUM",
        "javascript",
        "JavaScript",
        "java[2]script",
    ],
    *["terms of use", "privacy policy", "Cookie Policy", "uses coo\u212aies", "use of [3]cookies", "Use cookies.", "use", "cookies", "v", "\u212a", "İ", "ſ"],
    *["x" * 1001, "é" * 1001, "é" * 1000, "日" * 400, "...", "..", ".", "!", '"', "'", "”", "word word word.", "three little words", "Two words."],
    *[" ", " ", " ", "  ", "\t", "\x1f", "\xa0", "\u3000", "\n", "\n", "\n\n", "\r\n", "\r", "\v", "\x1c", "\x85", "\u2028"],
]
_STATISTICS = {"no_terminal_punct": "no_terminal_punc"}


def lines(texts: list[str], rules: C4Rules = ALL_RULES):
    return c4_lines(pa.array(texts, pa.large_string()), rules)


def datatrove_parameters(rules: C4Rules) -> dict:
    return rules._asdict() | {"max_word_length": -1 if rules.max_word_length is None else rules.max_word_length, "min_num_sentences": -1}


def check_against_datatrove(texts: list[str], rules: C4Rules) -> set[str | None]:
    """Text, flags and statistics of each document; returns the reasons that occurred."""
    ours, reasons = lines(texts, rules), set()
    for row, (text, after) in enumerate(zip(texts, ours.texts.to_pylist(), strict=True)):
        c4, document = C4QualityFilter(**datatrove_parameters(rules)), Document(text=text, id="")
        verdict = c4.filter(document)
        reason = None if verdict is True else verdict[1]
        counts = {name: int(values[row]) for name, values in ours.columns.items()}
        assert [name for name in ("lorem_ipsum", "curly_bracket") if counts[f"c4_{name}"]] == ([reason] if reason else []), text
        reasons.add(reason)
        if reason is None:
            assert after == document.text, text
            assert ours.changed[row] == (document.text != text), text
            for name in ("too_long_word", "no_terminal_punct", "too_few_words", "javascript", "policy"):
                theirs = c4.stats.stats.get(f"line-filter-{_STATISTICS.get(name, name)}")
                assert counts[f"c4_dropped_{name}"] == (theirs.total if theirs else 0), (name, text)
    return reasons


def test_texts_flags_and_counts_equal_datatroves_on_generated_pages():
    assert check_against_datatrove(documents(300, seed=3), ALL_RULES) == {None}


@settings(max_examples=400, deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from(_PARTS), max_size=14).map("".join), max_size=4))
def test_texts_flags_and_counts_equal_datatroves_on_everything_the_rules_read(texts: list[str]):
    check_against_datatrove(texts, ALL_RULES)


_SWITCHES = ("remove_citations", "filter_no_terminal_punct", "filter_lorem_ipsum", "filter_javascript", "filter_curly_bracket", "filter_policy")


@settings(max_examples=200, deadline=None)
@given(
    text=st.lists(st.sampled_from(_PARTS), max_size=14).map("".join),
    switches=st.fixed_dictionaries({name: st.booleans() for name in _SWITCHES}),
    min_words=st.integers(0, 4),
    max_chars=st.sampled_from([None, 3, 5, 1000]),
)
def test_every_switch_does_what_datatroves_parameter_of_the_same_name_does(text, switches, min_words, max_chars):
    check_against_datatrove([text], C4Rules(**switches, min_words_per_line=min_words, max_word_length=max_chars))


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("A word that is " + "x" * 1001 + ".", "c4_dropped_too_long_word"),
        ("No end mark here", "c4_dropped_no_terminal_punct"),
        ("To be continued ...", "c4_dropped_no_terminal_punct"),
        ("Two words.", "c4_dropped_too_few_words"),
        ("Please turn on JavaScript.", "c4_dropped_javascript"),
        ("Read our Privacy Policy.", "c4_dropped_policy"),
    ],
)
def test_a_dropped_line_is_counted_under_the_first_rule_that_drops_it(line: str, column: str):
    result = lines([f"This line is kept.\n{line}"])
    assert result.texts.to_pylist() == ["This line is kept."]
    assert {name: int(values[0]) for name, values in result.columns.items() if values[0]} == {column: 1}


def test_citation_marks_are_removed_and_counted_in_kept_lines():
    result = lines(["The mill is old.[1][citation needed]\nIt was sold [2]in 1901.\nNot a sentence [3]"])
    assert result.texts.to_pylist() == ["The mill is old.\nIt was sold in 1901."]
    assert result.columns["c4_removed_citations"].tolist() == [3]


def test_a_flag_is_set_only_by_a_line_that_passed_the_rules_before_it():
    result = lines(["function () {\nThis line is kept.", "Lorem ipsum\nThis line is kept.", "This { one is kept.\nLorem ipsum it is."])
    assert result.columns["c4_curly_bracket"].tolist() == [0, 0, 1]
    assert result.columns["c4_lorem_ipsum"].tolist() == [0, 0, 0]
    assert result.texts.to_pylist()[2] == "This { one is kept.\nLorem ipsum it is."


def test_a_batch_in_which_nothing_changes_is_not_copied():
    texts = pa.array(["This line is kept.\nAnd so is this.", "", "One more that stays."], pa.large_string())
    result = c4_lines(texts)
    assert result.texts is texts
    assert not result.changed.any()


def test_nulls_slices_and_small_strings_read_like_plain_texts():
    texts = pa.array(["left out", "This line is kept.\nNot this", None, "This one stays too."], pa.string())
    assert c4_lines(texts.slice(1)).texts.to_pylist() == ["This line is kept.", "", "This one stays too."]
    assert c4_lines(texts.slice(3)).texts.to_pylist() == ["This one stays too."]
    assert c4_lines(pa.array([], pa.large_string())).columns.keys() == set(COLUMNS)
