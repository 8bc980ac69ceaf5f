import itertools
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from curate.dedup.shingles import shingles
from curate.kernels.buffers import text_buffers

ALONE = regex.compile(r"[\p{LB=ID}\p{LB=SA}\p{LB=CJ}\p{LB=AK}]")
PIECES = [
    "Été",
    "don't ",
    " ",
    "été",
    "３4",
    "12,5 ",
    "漢字",
    "かな",
    "สวัสดี",
    "Σας",
    "İ",
    "한국어",
    "ẞ",
    "a\u0301\u0327",
    "_",
    "😀",
    "\n",
    "व्यापार ",
    "one ",
    "two ",
]


def slow_words(text: str) -> list[str]:
    """The module's definition, character by character."""
    words, word = [], ""
    for char in [*text, " "]:
        category = unicodedata.category(char)
        if category == "Mn":
            continue
        if category[0] not in "LMN":
            words, word = [*words, word], ""
            continue
        piece = "".join(c for c in unicodedata.normalize("NFD", char.lower()) if unicodedata.category(c) != "Mn").replace("ς", "σ")
        if category == "Nd":
            word += "" if word.endswith("0") else "0"
        elif ALONE.match(char):
            words, word = [*words, word, piece], ""
        else:
            word += piece
    return [word for word in words if word]


def ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    words = slow_words(text)
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


def hashed(texts: list[str], n: int) -> list[list[int]]:
    values, offsets = shingles(*text_buffers(pa.array(texts, pa.large_string())), n)
    return [values[start:stop].tolist() for start, stop in itertools.pairwise(offsets)]


TEXTS = st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=30)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(1, 5))
@example(["0", "0", "0"], 1)
def test_equal_ngrams_of_words_have_equal_hashes_and_others_do_not(texts, n):
    known: dict[tuple[str, ...], int] = {}
    for text, values in zip(texts, hashed(texts, n), strict=True):
        expected = ngrams(text, n)
        assert len(values) == len(expected)
        for ngram, value in zip(expected, values, strict=True):
            assert known.setdefault(ngram, value) == value
    assert len(set(known.values())) == len(known)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Cafe, 1999: nothing new", "the café 2024 NOTHING new!"),
        ("e\u0301tude one two three four", "\u00e9tude one two three four"),
        ("\ud55c\uad6d\uc5b4 a b c d", unicodedata.normalize("NFD", "한국어") + " a b c d"),
        ("数据去重很有用", "数据，去重 很有用。"),
    ],
)
def test_case_diacritics_punctuation_and_figures_do_not_count(one, other):
    first, second = hashed([one, other], 5)
    assert first == second and first


@pytest.mark.parametrize(("one", "other"), [("a b c d e f", "b a c d e f"), ("ab c d e f", "a bc d e f"), ("a b c d e", "a b c d f")])
def test_order_borders_and_letters_of_words_count(one, other):
    first, second = hashed([one, other], 5)
    assert not set(first) & set(second)


def test_a_long_run_without_a_space_is_one_word():
    assert [len(values) for values in hashed(["x" * 100_000 + " a b c d", "漢" * 5000, ""], 5)] == [1, 4996, 0]


def test_hashes_are_spread_evenly():
    values = np.array(hashed([" ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)}" for i in range(10_000))], 3)[0], np.uint32)
    counts = np.bincount(values >> 26, minlength=64)
    expected = len(values) / 64
    assert ((counts - expected) ** 2 / expected).sum() < 63 + 6 * np.sqrt(2 * 63)
