import random
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from curate.fit.frequent_words import WordCounts
from curate.words.choice import load_splitter
from tests.curate.corpus import document, jsonl

SPLITTER = "spacy:xx"


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    texts = [document(seed, random.Random(seed).randint(6, 30)) for seed in range(80)]
    (tmp_path / "reference.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    return tmp_path / "reference.jsonl"


def texts_of(reference: Path) -> list[str]:
    return pl.read_ndjson(reference)["text"].to_list()


def test_stop_words_are_the_words_above_the_published_share(reference: Path) -> None:
    import spacy

    texts = texts_of(reference)
    tokens = [token.text.strip() for text in texts for token in spacy.blank("xx")(text.lower()) if token.text.strip()]
    expected = {word for word, count in Counter(tokens).items() if count > 0.008 * len(tokens) and any(map(str.isalpha, word))}
    counts = WordCounts(load_splitter(SPLITTER))
    for text in texts:
        counts.add(pa.array([text]))
    assert set(counts.stop_words()) == expected and len(expected) >= 8 and counts.n_words == len(tokens)
    assert counts.stop_words()[0] == Counter(token for token in tokens if token.isalpha()).most_common(1)[0][0]
    lengths = [len(token) for token in tokens if any(map(str.isalnum, token))]
    np.testing.assert_allclose(counts.length(), (np.mean(lengths), np.std(lengths)))


def test_rarer_words_are_taken_until_there_are_enough() -> None:
    counts = WordCounts(load_splitter(SPLITTER))
    counts.add(
        pa.array(
            [
                "alpha " * 6
                + "beta gamma delta epsilon zeta eta theta iota2 " * 5
                + " ".join(f"w{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uvwxyzabcd'[n // 100]}" for n in range(960))
            ]
        )
    )
    assert counts.stop_words() == ("alpha", "beta", "delta", "epsilon", "eta", "gamma", "theta", "zeta")
