import pytest

from eval.probes.repetition import compression_ratio, is_loop, repeated_share, units_of


def test_units_are_words_and_single_characters_of_scripts_without_blanks():
    assert units_of("It's 3.5 naïve tests!") == ["It", "'", "s", "3", ".", "5", "naïve", "tests", "!"]
    assert units_of("用GPU訓練 です") == ["用", "GPU", "訓", "練", "で", "す"]
    assert units_of(" \n") == []


def test_repeated_n_grams_are_those_seen_before():
    # a b c a b c a: 4-grams abca bcab cabc abca, the last is a repetition
    assert repeated_share("abcabca", 4) == pytest.approx(1 / 4)
    assert repeated_share("aaaaaa", 2) == pytest.approx(4 / 5)
    assert repeated_share("abc", 4) == 0 and repeated_share("", 1) == 0


@pytest.mark.parametrize(
    ("tokens", "loops"),
    [
        ([7] * 12, True),
        ([7] * 11, False),
        ([1, 2, 3, *[4, 5] * 6], True),
        ([*[4, 5] * 6, 9], False),
        ([1, 2, 3, 4, 5, 6] * 2, False),
        ([1, 2, 3, 4, 5, 6] * 3, True),
        ([9, 9, *[1, 2, 3, 4, 5, 6] * 2, 1, 2, 3, 4, 5], False),
        (list(range(40)), False),
        ([], False),
    ],
)
def test_a_loop_is_a_cycle_at_the_end_of_three_rounds_and_twelve_tokens(tokens, loops):
    assert is_loop(tokens) is loops


def test_repetition_compresses():
    assert compression_ratio("no way no way " * 20) > 5 > 2 > compression_ratio("Pack my box with five dozen liquor jugs.") > 0.7
    assert compression_ratio("") == 1
