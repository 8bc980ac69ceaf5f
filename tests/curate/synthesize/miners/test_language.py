import pytest

from curate.synthesize.miners.language import known_languages, words_of


@pytest.mark.parametrize("language", known_languages())
def test_every_language_has_the_wordings_that_its_patterns_need(language):
    words = words_of(language)
    assert {"completion/sentence", "summarize/title", "definition/meaning", "cloze/term", "list/items"} <= set(words.phrasings)
    for kind, ways in words.phrasings.items():
        for way in ways:
            names = dict.fromkeys(["first", "second", "term", "meaning", "sentence", "words", "title", "passage", "lead", "items"], "X")
            assert "X" in "".join(way.fill(**names)), kind
