import random

import numpy as np
import pyarrow as pa
import pytest

from curate.dedup.bloom import BloomFilter
from curate.dedup.bloom_stream import find_shingles, judge
from curate.kernels.buffers import text_buffers
from curate.words.spacy_words import WordSplitter
from tests.curate.corpus import document

SPLITTER = WordSplitter()


MEANING: dict[str, object] = {"ngram": 3}


def words_of(text: str) -> list[str]:
    return text.lower().replace(".", " ").split()


def slow(texts: list[str], passed: list[bool], n: int, threshold: float, min_words: int, by_line: bool) -> list[str | None]:
    """bff with a set in place of a filter: None for documents that go, else what is left."""
    seen: set[tuple[str, ...]] = set()
    left: list[str | None] = []
    for text, candidate in zip(texts, passed, strict=True):
        parts = text.split("\n") if by_line else [text]
        grams = [[tuple(words_of(part)[i : i + n]) for i in range(len(words_of(part)) - n + 1)] for part in parts]
        known = [sum(gram in seen for gram in some) for some in grams]
        is_old = [old > 0 and old >= threshold * len(some) for old, some in zip(known, grams, strict=True)]
        kept = [part for part, old in zip(parts, is_old, strict=True) if not old]
        is_copy = sum(known) > 0 and sum(known) >= threshold * sum(map(len, grams))
        too_short = any(is_old) and sum(len(words_of(part)) for part in kept) < min_words
        stays = candidate and not is_copy and not too_short
        left.append("\n".join(kept) if stays else None)
        if stays:
            seen.update(gram for some, old in zip(grams, is_old, strict=True) if not old for gram in some)
    return left


@pytest.mark.parametrize("scope", ["document", "line"])
@pytest.mark.parametrize("threshold", [0.4, 0.8, 1.0])
def test_documents_and_lines_go_as_with_a_set_of_all_ngrams(scope: str, threshold: float) -> None:
    draw = random.Random(3)
    pool = [document(seed, 1) for seed in range(25)]
    texts = ["\n".join(draw.sample(pool, draw.randint(1, 6))) for _ in range(80)]
    passed = [draw.random() < 0.9 for _ in texts]
    shingles = find_shingles(*text_buffers(pa.array(texts, pa.large_string())), SPLITTER, 5, scope)  # type: ignore[arg-type]
    bloom = BloomFilter.sized(10_000, 1e-9, 1 << 20, MEANING)
    judged = judge(shingles, np.array(passed), np.array([len(text) for text in texts]), bloom, threshold, 20, True)
    cuts = list(zip(*(column.tolist() for column in judged.cuts[:3]), strict=True))
    found: list[str | None] = []
    for doc, text in enumerate(texts):
        for _, start, end in reversed([cut for cut in cuts if cut[0] == doc]):
            text = text[:start] + text[end:]
        found.append(text if judged.stays[doc] else None)
    expected = slow(texts, passed, 5, threshold, 20, scope == "line")
    assert found == expected
    assert None in expected and any(text is not None for text in expected[40:])
