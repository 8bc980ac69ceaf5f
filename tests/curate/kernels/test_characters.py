from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION

from curate.kernels.characters import SYMBOL, TERMINAL, character_table


def test_the_punctuation_table_is_datatroves():
    table = character_table()
    assert {chr(code) for code in (table & SYMBOL).nonzero()[0]} == PUNCTUATION_SET
    assert {chr(code) for code in (table & TERMINAL).nonzero()[0]} == TERMINAL_PUNCTUATION
