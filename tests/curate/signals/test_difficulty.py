import math
import re
import zlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.signals.measure import measure
from curate.words.choice import load_splitter

WORDS = ["the", "Cat", "sat", "on", "a", "mat", "table", "make", "The", "über", "of", "idea"]


def difficulty(*texts):
    found = measure(pa.array(texts, pa.large_string()), load_splitter("spacy:en"), ["difficulty"])
    return {name: found.column(name).to_pylist() for name in found.schema.names}


def slow_mtld(words):
    """The definition, word by word: forwards, then backwards."""

    def one_way(words):
        factors, seen, n = 0.0, set(), 0
        for word in words:
            seen.add(word)
            n += 1
            if len(seen) / n <= 0.72:
                factors, seen, n = factors + 1, set(), 0
        factors += (1 - len(seen) / n) / (1 - 0.72) if n else 0
        return len(words) / factors if factors else len(words)

    return (one_way(words) + one_way(words[::-1])) / 2 if words else math.nan


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=60), min_size=1, max_size=4))
def test_mtld_is_that_of_the_definition_in_every_document(texts):
    found = difficulty(*(" ".join(words) for words in texts))["mtld"]
    expected = [slow_mtld([re.sub("[A-Z]", lambda letter: letter[0].lower(), word) for word in words]) for words in texts]
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_varied_text_is_more_diverse_than_a_repetitive_one():
    monotone, varied = difficulty("a dog and a cat " * 30, " ".join(f"word{n}" for n in range(150)))["mtld"]
    assert monotone < 10 < varied == 150


def test_compression_ratio_is_bytes_before_for_each_byte_after():
    text = "the same words again and again " * 20
    assert difficulty(text, "", "é")["compression_ratio"] == pytest.approx([len(text) / len(zlib.compress(text.encode(), 6)), math.nan, 2 / 10], nan_ok=True)


def test_reading_ease_by_hand():
    # 6 words, 1 sentence, 6 syllables; then 6 words, 2 sentences, 1+1+2+2+1+3 syllables (make, these, table, idea…).
    easy, harder, nothing = difficulty("The cat sat on the mat.", "Make these. Table water is banana.", "…")["flesch_reading_ease"]
    assert easy == pytest.approx(206.835 - 1.015 * 6 - 84.6 * 1)
    assert harder == pytest.approx(206.835 - 1.015 * 3 - 84.6 * 10 / 6)
    assert math.isnan(nothing)
