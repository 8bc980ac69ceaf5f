"""Texts to blocks and sentences: what stands for itself and what leans on its neighbours."""

import pytest

from curate.synthesize.miners.blocks import blocks, plain
from curate.synthesize.miners.language import known_languages, words_of
from curate.synthesize.miners.sentences import is_whole, leans, sentences, split

ENGLISH = words_of("en")


@pytest.mark.parametrize(
    "parts",
    [
        ["Dr. Smith met Mrs. Jones at 5 p.m. on Monday.", "They spoke."],
        ["See § 1–101.(a)(1) and No. 5 of the rules.", "The fee is $2.50."],
        ["The U.S. Code governs this.", "It was made in the U.S.", "The rest is local."],
        ["J. R. Hartley wrote it.", "Nobody knows, e.g. why."],
        ["He asked: “Is it due?”", "“No,” she said."],
        ["Acme Inc. v. Doe Co. was heard under 16 U.S.C. § 1 et seq. of the Act.", "In Dec. 2001 it ended."],
        ["It costs 3.5 million.", "2 people paid."],
    ],
)
def test_abbreviations_numbers_and_citations_end_no_sentence(parts):
    assert split(" ".join(parts), ENGLISH) == parts


def test_chinese_sentences_end_without_a_blank():
    assert split("他说：“好。”然后走了。天黑了！", words_of("zh-Hans")) == ["他说：“好。”", "然后走了。", "天黑了！"]


STATUTE = """§ 3-101. Revocation of a license.

(a) The Board may fine a person who:

(1) Makes a false statement to the Board in writing; or

(2) Fails to pay a fee that the Board has set for the year.

(b) The fine shall be paid within thirty days of the order.

(c) For the purposes of this section, the term:

(1) “Board” means the Board of Barbers that the Mayor has appointed.
"""


def whole(text: str) -> list[str]:
    return [one.text for block in blocks(text) if block.kind != "heading" for one in sentences(block, ENGLISH) if one.is_whole]


def test_the_end_of_a_sentence_that_a_list_divides_is_no_sentence_though_it_looks_like_one():
    assert whole(STATUTE) == [
        "The fine shall be paid within thirty days of the order.",
        "“Board” means the Board of Barbers that the Mayor has appointed.",
    ]


def test_numbers_of_a_statute_are_told_from_its_words():
    assert [block.number for block in blocks(STATUTE)] == ["§ 3-101.", "(a)", "(1)", "(2)", "(b)", "(c)", "(1)"]
    assert blocks("(a)(1)(A) The fee is due today.")[0].number == "(a)(1)(A)"


def test_code_tables_and_markup_are_left_out():
    text = "# A title here\n\nUse `run` and **wait** for [it](http://x.y).\n\n```\nThis is code.\n```\n\n| a | b |\n|---|---|"
    text += "\n\nSee this::\n\n    more code here\n\nThe end is near."
    assert [block.text for block in blocks(text)] == ["A title here", "Use run and wait for it.", "See this::", "The end is near."]
    assert plain("caf&eacute; :pep:`8` x [1]_") == "café 8 x"


def test_wrapped_lines_are_one_paragraph_and_long_lines_are_one_each():
    assert [block.text for block in blocks("The first line goes\non in the second.")] == ["The first line goes on in the second."]
    long = "This is a paragraph of a text that has no wrapped lines and so goes on for more than a hundred and ten characters in one."
    assert [block.text for block in blocks(f"{long}\n{long}")] == [long, long]


@pytest.mark.parametrize("text", ["This means that it is due.", "However, the tax is due.", "The tax is due as described above.", "In these cases, wait."])
def test_a_sentence_that_points_back_leans(text):
    assert leans(text, ENGLISH)


@pytest.mark.parametrize(
    "text",
    [
        "of the tax shall be paid.",  # starts in the middle
        "The tax shall be paid",  # has no end
        "The tax (of the year shall be paid.",  # a bracket left open
        "See http://example.org for the tax of the year.",
        "“Historical Tables: Budget of the United States.”",  # a title
        "Die Steuer wurde gestern gezahlt und verbucht.",  # of another language
        "Kohn Lacker Rosengren Warsh Mishkin.",
    ],
)
def test_what_is_no_whole_sentence_is_not_taken_for_one(text):
    assert not is_whole(text, ENGLISH)
    assert is_whole("The tax of the year shall be paid.", ENGLISH)


@pytest.mark.parametrize("language", known_languages())
def test_every_language_has_the_wordings_that_its_patterns_need(language):
    words = words_of(language)
    assert {"completion/sentence", "summarize/title", "definition/meaning", "cloze/term", "list/items"} <= set(words.phrasings)
    for kind, ways in words.phrasings.items():
        for way in ways:
            names = dict.fromkeys(["first", "second", "term", "meaning", "sentence", "words", "title", "passage", "lead", "items"], "X")
            assert "X" in "".join(way.fill(**names)), kind
