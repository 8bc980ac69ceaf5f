"""Near-duplicate clusters against a slow reading of their definition."""

import re

import numpy as np
import pyarrow as pa

from curate.dedup.clusters import components
from curate.overlap.near_duplicates import near_duplicate_clusters
from tests.curate.overlap.texts import edited, prose


def slow_jaccard(left: str, right: str) -> float:
    grams = []
    for text in (left, right):
        words = re.findall(r"[a-z0-9]+", text.lower())
        grams.append({tuple(words[at : at + 5]) for at in range(len(words) - 4)})
    return len(grams[0] & grams[1]) / max(len(grams[0] | grams[1]), 1)


def test_clusters_are_connected_components_of_the_exact_jaccard_similarity():
    random = np.random.default_rng(0)
    originals = [prose(random, 120) for _ in range(6)]
    texts = originals + [edited(random, originals[number % 4], share) for number, share in enumerate([0.01, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2])]
    for threshold in (0.3, 0.5, 0.8):
        pairs = [(i, j) for i in range(len(texts)) for j in range(i) if slow_jaccard(texts[i], texts[j]) >= threshold]
        expected = components(len(texts), np.array(pairs, np.int64).reshape(-1, 2))
        assert near_duplicate_clusters(pa.array(texts), threshold).tolist() == expected.tolist()


def test_short_texts_are_connected_only_if_they_are_equal():
    assert near_duplicate_clusters(pa.array(["two words", "two words", "two Words", "", ""]), 0.5).tolist() == [0, 0, 2, 3, 3]


def test_no_texts_have_no_clusters():
    assert near_duplicate_clusters(pa.array([], pa.string()), 0.5).tolist() == []
