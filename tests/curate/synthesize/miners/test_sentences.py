"""Sentences: which are complete, and which refer to the text around them."""

import pytest

from curate.synthesize.miners.blocks import blocks
from curate.synthesize.miners.language import words_of
from curate.synthesize.miners.sentences import is_whole, leans, sentences, split
from tests.curate.synthesize.miners.mining import STATUTE

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


def whole(text: str) -> list[str]:
    return [one.text for block in blocks(text) if block.kind != "heading" for one in sentences(block, ENGLISH) if one.is_whole]


def test_the_end_of_a_sentence_that_a_list_divides_is_no_sentence_though_it_looks_like_one():
    assert whole(STATUTE) == [
        "The fine shall be paid within thirty days of the order.",
        "“Board” means the Board of Barbers that the Mayor has appointed.",
    ]


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
