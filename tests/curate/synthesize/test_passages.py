"""Passages hold all of a text's words, and none is longer than asked."""

from hypothesis import given
from hypothesis import strategies as st

from curate.synthesize.passages import PassageRecipe, passages

TEXTS = st.lists(st.sampled_from(["a", "word", "Longer", "end.", "stop!\n", "\n\n", "x" * 70]), max_size=120).map(" ".join)


@given(TEXTS, st.integers(50, 200))
def test_no_word_is_lost_and_no_passage_is_too_long(text, limit):
    found = passages(text, PassageRecipe(max_chars=limit, min_chars=0))
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(0 < len(one) <= limit and one == one.strip() for one in found)


def test_a_blank_behind_the_last_sentence_of_a_long_paragraph_adds_nothing():
    assert passages("x" * 60 + " end. \n\n" + "y" * 60, PassageRecipe(max_chars=50, min_chars=0)) == ["x" * 50, "x" * 10 + " end.", "y" * 50, "y" * 10]


def test_paragraphs_stay_whole_where_they_fit():
    text = "\n\n".join(["a" * 40, "b" * 40, "c" * 40])
    assert passages(text, PassageRecipe(max_chars=90, min_chars=0)) == ["a" * 40 + "\n\n" + "b" * 40, "c" * 40]


def test_short_passages_and_those_beyond_the_limit_are_left_out():
    text = "\n\n".join(["a" * 80, "b" * 80, "c" * 80, "d" * 10])
    assert passages(text, PassageRecipe(max_chars=85, min_chars=20, max_passages=2)) == ["a" * 80, "b" * 80]
    assert passages("short", PassageRecipe(min_chars=6)) == []
