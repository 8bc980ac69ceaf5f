import hashlib
import itertools
import math
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import regex

from curate.errors import CurateError
from curate.fit.importance import count_ngrams, divergence, fit_importance, log_ratio
from curate.fit.recipe import ImportanceFitRecipe
from curate.models.importance import ImportanceModel, gumbel_noise, load_importance
from tests.curate.corpus import document, jsonl

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


def test_counts_equal_those_of_the_authors_package() -> None:
    package = pytest.importorskip("data_selection.hashed_ngram_dsir")
    counts, n_texts = count_ngrams([column(TEXTS[:5]), column(TEXTS[5:])], 10_000, 2)
    assert n_texts == len(TEXTS)
    assert (counts == sum(package.get_ngram_counts(text) for text in TEXTS)).all()


def test_buckets_are_the_published_ones_and_reading_stops_when_enough_was_read() -> None:
    counts, n_texts = count_ngrams([column(["alice"]), column(["alice eats"]), column(["more"])], 10_000, 2, most=4)
    assert n_texts == 2 and counts.sum() == 4
    assert counts[slow_bucket("alice", 10_000)] == 2 and counts[slow_bucket("alice eats", 10_000)] == 1


def test_a_fit_prefers_documents_like_the_target(tmp_path: Path) -> None:
    draw = random.Random(0)
    law, food = ["court", "judge", "appeal", "statute"], ["onion", "pepper", "sauce", "butter"]
    wanted = [" ".join(draw.choices(law, k=30)) for _ in range(50)]
    raw = [" ".join(draw.choices(law + 9 * food, k=30)) for _ in range(200)]
    (tmp_path / "target.jsonl").write_bytes(jsonl([{"text": text} for text in wanted]))
    (tmp_path / "raw.jsonl").write_bytes(jsonl([{"text": text} for text in raw]))
    figures = fit_importance(ImportanceFitRecipe(target=(str(tmp_path / "target.jsonl"),), raw=(str(tmp_path / "raw.jsonl"),)), tmp_path / "weights")
    assert figures["target"] == {"texts": 50, "ngrams": 50 * 59}

    model = load_importance(str(tmp_path / "weights"))
    target, _ = count_ngrams([column(wanted)], 10_000, 2)
    assert (model.log_ratio == log_ratio(target, count_ngrams([column(raw)], 10_000, 2)[0])).all()
    weights = model.weigh(column(raw)).log_weight
    best = [raw[row] for row in np.argsort(-weights)[:20]]
    nearer, further = (divergence(count_ngrams([column(some)], 10_000, 2)[0], target) for some in (best, raw[:20]))
    assert nearer < further


def test_gumbel_noise_belongs_to_the_text_and_samples_by_weight() -> None:
    texts = [f"text {number}" for number in range(30_000)]
    noise = gumbel_noise(column(texts), 3)
    assert (gumbel_noise(column(texts[::-1]), 3) == noise[::-1]).all()
    assert not (gumbel_noise(column(texts), 4) == noise).any()
    # The largest of log weight + noise is item i with probability weight i / sum of weights.
    weights = np.array([1.0, 2.0, 5.0])
    chosen = (np.log(weights) + noise.reshape(-1, 3)).argmax(axis=1)
    assert np.bincount(chosen) / len(chosen) == pytest.approx(weights / weights.sum(), abs=0.015)
    assert noise.mean() == pytest.approx(0.5772, abs=0.03) and noise.var() == pytest.approx(math.pi**2 / 6, abs=0.08)


def test_text_without_words_and_folders_without_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CurateError, match="the raw text has no words"):
        log_ratio(np.ones(3, np.int64), np.zeros(3, np.int64))
    with pytest.raises(CurateError, match="make them with `curate fit-importance`"):
        load_importance(str(tmp_path))
