import math

import numpy as np
import pytest

from examples.regularizers.run import CORPORA, METHODS, name_of, of_all_seeds, plot, summarise, table
from shards.recipe import load_recipe
from train.recipe import TrainRecipe

SEEDS = [0, 1]


def scores():
    """30 documents of 100 bytes; every method but the plain one has one nat less on each document of the domain, and three more on the old ones."""
    rng = np.random.default_rng(0)
    documents = {}
    for corpus, change in zip(CORPORA, (-1.0, 3.0), strict=True):
        nats = rng.uniform(80, 160, 30)
        documents["base", corpus] = np.column_stack([nats, np.full(30, 100.0)])
        for method in METHODS:
            for seed in SEEDS:
                of_run = nats + seed + (0 if method == "plain" else change)
                documents[name_of(method, seed), corpus] = np.column_stack([of_run, np.full(30, 100.0)])
    return documents


@pytest.mark.parametrize("method", METHODS)
def test_the_settings_of_every_method_are_those_of_a_recipe(monkeypatch, method):
    monkeypatch.setenv("OUT", "out")
    settings = [setting.replace("SAMPLE", "{documents: old}").replace("BASE", "base") for setting in METHODS[method]]
    recipe = load_recipe("examples/regularizers/recipes/train.yaml", TrainRecipe, settings)
    plain = load_recipe("examples/regularizers/recipes/train.yaml", TrainRecipe)
    assert (recipe == plain) == (method in ("plain", "replay 5%"))


def test_each_method_is_compared_with_the_plain_runs_of_its_seeds():
    rows = summarise(scores(), SEEDS)
    assert [row["method"] for row in rows] == ["base model", *METHODS]
    for row in rows[2:]:
        for corpus, change in zip(CORPORA, (-1.0, 3.0), strict=True):
            expected = change / 100 / math.log(2)
            assert row[corpus]["delta"] == pytest.approx(expected)
            assert row[corpus]["delta_by_seed"] == pytest.approx([expected, expected])
            assert row[corpus]["low"] == pytest.approx(row[corpus]["high"]), "all documents change alike"
    assert rows[1]["domain"]["delta"] == 0


def test_documents_are_resampled_with_their_scores_under_all_seeds():
    plain = [np.array([[10.0, 10.0], [20.0, 10.0]]), np.array([[30.0, 10.0], [20.0, 10.0]])]
    interval = of_all_seeds(plain, plain)
    assert interval.low == interval.estimate == interval.high == 0


def test_table_and_plot_name_every_method(tmp_path):
    rows = summarise(scores(), SEEDS)
    text = table(rows)
    assert len(text.splitlines()) == len(rows) + 2
    assert all(f"| {method} |" in text for method in METHODS)
    plot(rows, tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").stat().st_size > 1000
