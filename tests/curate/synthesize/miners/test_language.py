import pytest

from curate.synthesize.miners.language import known_languages, words_of


def test_a_language_is_found_by_each_of_its_codes():
    for code, same in (("en-US", "eng"), ("de_Latn", "ger"), ("FR", "fra_Latn"), ("zh_Hans", "cmn_Hani")):
        assert words_of(code) is words_of(same) is not None
    assert words_of("xx") is words_of("") is None


@pytest.mark.parametrize("language", known_languages())
def test_every_language_has_the_wordings_that_its_patterns_need(language):
    words = words_of(language)
    assert {"completion/sentence", "summarize/title", "definition/meaning", "cloze/term", "list/items"} <= set(words.phrasings)
    for kind, ways in words.phrasings.items():
        for way in ways:
            names = dict.fromkeys(["first", "second", "term", "meaning", "sentence", "words", "title", "passage", "lead", "items"], "X")
            assert "X" in "".join(way.fill(**names)), kind
