from curate.words.spacy_tables import INFIX, PREFIX, SUFFIX, spacy_tables
from tests.curate.words.reading import tokenizer


def test_the_classes_of_characters_are_those_of_spacys_expressions():
    classes = spacy_tables("spacy:en", tokenizer).classes
    for code in [*range(0x21, 0x3100), *range(0xFE00, 0xFFFF), *range(0x1F000, 0x1FA70)]:
        character = chr(code)
        if character not in "+.":  # these have rules of their own
            assert (tokenizer().find_prefix(character + "aa") == 1) == bool(classes[code] & PREFIX), hex(code)
            assert (tokenizer().find_suffix("Aa" + character) == 1) == bool(classes[code] & SUFFIX), hex(code)
            assert bool(tokenizer().find_infix("A" + character + "9")) == bool(classes[code] & INFIX), hex(code)
