from tests.curate.words.scripts import split


def test_without_a_library_each_character_is_a_word_with_its_marks() -> None:
    assert split("characters", ["ꦱꦸꦒꦼꦁ, naïve\u0301 x2!", "港口 3", ""]) == [["ꦱꦸ", "ꦒꦼꦁ", ",", "naïve\u0301", "x2", "!"], ["港", "口", "3"], []]


def test_marks_at_the_start_of_a_text_are_words_of_their_own() -> None:
    assert split("characters", ["\u0301 \u0301a"]) == [["\u0301", "\u0301", "a"]]
