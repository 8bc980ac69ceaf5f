import pyarrow as pa
from datatrove.utils.text import PUNCTUATION_SET, split_into_words

from curate.signals.measure import measure
from tests.curate.signals.web_signals import chars, check_definitions, splitter


def slow_word_signals(text: str) -> dict[str, float]:
    words = split_into_words(text)
    filled = [word for word in words if any(char not in PUNCTUATION_SET for char in word)]
    stop_words = {"the", "be", "to", "of", "and", "that", "have", "with"}
    return {
        "n_words": len(words),
        "n_non_symbol_words": len(filled),
        "mean_word_chars": chars(filled) / len(filled) if filled else float("nan"),
        "alpha_word_ratio": sum(any(map(str.isalpha, word)) for word in words) / len(words) if words else float("nan"),
        "n_stop_words": len(stop_words & set(words)),
    }


def test_signals_are_what_their_definitions_say():
    check_definitions(slow_word_signals)


def test_stop_words_can_be_another_languages():
    measured = measure(pa.array(["der Hund und die Katze und Der Rest"]), splitter(), stop_words=["der", "und", "nicht"])
    assert measured["n_stop_words"].to_pylist() == [2]
