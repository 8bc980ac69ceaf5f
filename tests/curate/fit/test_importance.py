import random
from pathlib import Path

import numpy as np
import pytest

from curate.fit.importance import count_ngrams, divergence, fit_importance, log_ratio
from curate.fit.recipe import ImportanceFitRecipe
from curate.models.importance import load_importance
from tests.curate.corpus import jsonl
from tests.curate.models.test_importance_kernel import TEXTS, column, slow_bucket


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
