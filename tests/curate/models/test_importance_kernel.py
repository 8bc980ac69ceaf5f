import hashlib
import itertools

import numpy as np
import pyarrow as pa
import pytest
import regex

from curate.kernels.buffers import frozen
from curate.models.importance import ImportanceModel
from curate.models.importance_kernel import BLANK, OTHER, WORD, sha256_modulo, word_table
from tests.curate.corpus import document


def column(texts: list[str]) -> pa.Array:
    return pa.array(texts, pa.large_string())


def slow_ngrams(text: str) -> list[str]:
    """Words and pairs of words, as DSIR has them."""
    words = regex.findall(r"\w+|[^\w\s]+", text.lower())
    return [*words, *(" ".join(pair) for pair in itertools.pairwise(words))]


def slow_bucket(ngram: str, buckets: int) -> int:
    return int(hashlib.sha256(ngram.encode()).hexdigest(), 16) % buckets


@pytest.mark.parametrize("ngrams", [1, 2])
def test_weights_are_the_sums_of_a_slow_reading(ngrams: int) -> None:
    ratio = np.random.default_rng(0).normal(size=BUCKETS)
    found = ImportanceModel(ratio, ngrams).weigh(column(TEXTS))
    for text, weight, n in zip(TEXTS, found.log_weight, found.n_ngrams, strict=True):
        n_words = len(regex.findall(r"\w+|[^\w\s]+", text.lower()))
        expected = slow_ngrams(text)[: n_words if ngrams == 1 else None]
        assert n == len(expected)
        assert weight == pytest.approx(sum(ratio[slow_bucket(ngram, BUCKETS)] for ngram in expected), abs=1e-9)


BUCKETS = 1000


TEXTS = [
    document(1),
    "",
    " \n ",
    "One",
    "It's 5_000 €… (really?!)",
    "ÇA VA, İstanbul? ΑΣ ΑΣΑ",
    "हिन्दी में लिखा हुआ पाठ। Orúkọ wọ̀n",
    "中文没有空格，真的。",
    "🙂🙂 a",
    "long" * 40 + " " + "word" * 50,
    "tab\tand\xa0no-break\u2028line",
]


@pytest.mark.parametrize("n_bytes", [0, 1, 55, 56, 63, 64, 119, 120, 200])
def test_hashes_are_those_of_the_standard(n_bytes: int) -> None:
    message, scratch = bytes(byte % 251 for byte in range(n_bytes)), np.zeros(72, np.uint32)
    utf8 = frozen(np.frombuffer(message + b"-", np.uint8))
    expected = int(hashlib.sha256(message).hexdigest(), 16)
    for modulus in (2, 10_000, 2**31 - 1):
        assert sha256_modulo(utf8, 0, n_bytes, 0, n_bytes, modulus, scratch) == expected % modulus


def test_a_pair_is_hashed_as_if_one_space_stood_between_its_words() -> None:
    utf8 = frozen(np.frombuffer(b"ab \n cde", np.uint8))
    expected = int(hashlib.sha256(b"ab cde").hexdigest(), 16) % 997
    assert sha256_modulo(utf8, 0, 2, 3, 6, 997, np.zeros(72, np.uint32)) == expected


def test_combining_marks_belong_to_words() -> None:
    table = word_table()
    assert [int(table[ord(char)]) for char in "a_7\u0301\u0940 \n\u3000.-🙂"] == [WORD] * 5 + [BLANK] * 3 + [OTHER] * 3
