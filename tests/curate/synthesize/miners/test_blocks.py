from curate.synthesize.miners.blocks import blocks, plain
from tests.curate.synthesize.miners.mining import STATUTE


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
