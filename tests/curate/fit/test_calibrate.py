"""`curate calibrate`: rules for a language or domain from clean text in it."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.fit.calibrate import calibrate
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from curate.rules.decide import load_rules
from curate.signals.measure import measure
from curate.words.choice import load_splitter
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl

SPLITTER = "spacy:xx"


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    texts = [document(seed, random.Random(seed).randint(6, 30)) for seed in range(80)]
    (tmp_path / "reference.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    return tmp_path / "reference.jsonl"


def texts_of(reference: Path) -> list[str]:
    return pl.read_ndjson(reference)["text"].to_list()


@pytest.mark.parametrize("method", ["mean", "quantile"])
def test_thresholds_follow_the_published_rules(reference: Path, tmp_path: Path, method: str) -> None:
    found = calibrate([str(reference)], tmp_path / "mine.yaml", method=method, words=SPLITTER)
    signals = pl.DataFrame(measure(pa.array(texts_of(reference)), load_splitter(SPLITTER)))
    thresholds = {rule.name: rule.threshold for rule in found.rules.rules}
    alpha, newlines = signals["alpha_word_ratio"].to_numpy(), (signals["n_newlines"] / signals["n_words"]).to_numpy()
    if method == "mean":
        expected = {"gopher_below_alpha_threshold": alpha.mean() - 3 * alpha.std(), "list_ratio": newlines.mean() + 2 * newlines.std()}
    else:
        lengths = signals["mean_word_chars"].to_numpy()
        expected = {"gopher_below_alpha_threshold": np.quantile(alpha, 0.25), "list_ratio": np.quantile(newlines, 0.97)}
        expected |= {"gopher_below_avg_threshold": np.quantile(lengths, 0.0001), "gopher_above_avg_threshold": np.quantile(lengths, 0.9999)}
    assert {name: thresholds[name] for name in expected} == pytest.approx(expected, abs=1e-4)
    assert thresholds["top_2_gram"] == 0.2 and thresholds["duplicated_10_n_grams"] == 0.1 and thresholds["gopher_enough_stop_words"] == 2
    assert found.rules == load_rules(tmp_path / "mine.yaml")


def test_the_table_says_what_each_rule_drops_of_the_reference(reference: Path, tmp_path: Path) -> None:
    found = calibrate([str(reference)], tmp_path / "mine.yaml", method="quantile", words=SPLITTER)
    shares = {name: share for name, _, _, _, share in found.table}
    assert shares["list_ratio"] == pytest.approx(0.03, abs=0.02) and shares["gopher_below_alpha_threshold"] == pytest.approx(0.25, abs=0.03)
    assert max(shares.values()) <= found.dropped <= sum(shares.values()) and found.n_documents == 80


def test_the_rule_set_serves_a_run_and_drops_what_is_not_like_the_reference(reference: Path, tmp_path: Path) -> None:
    found = calibrate([str(reference)], tmp_path / "my-rules.yaml", language="en", method="mean")
    assert found.rules.name == "my_rules" and found.words == "spacy:en"
    confidence = found.rules.rules[0]
    assert confidence.name == "low_confidence" and 0.3 <= confidence.threshold <= 0.9 and confidence.when == "language = 'en'"
    texts = [document(1000 + seed) for seed in range(20)] + ["zxq vbn " * 80, "12 34 56. " * 60]
    (tmp_path / "in.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    (tmp_path / "recipe.yaml").write_text(f"name: x\ninputs: [{tmp_path}/in.jsonl]\nrules: [{tmp_path}/my-rules.yaml]\ndedup: {{minhash: null}}\n")
    run(load_recipe(tmp_path / "recipe.yaml", CurateRecipe), tmp_path / "out", 1)
    verdicts = pl.DataFrame(ShardSet(tmp_path / "out" / "verdicts").to_table())
    by_row = {row: set(rules) for row, rules in verdicts.group_by("row").agg("rule").iter_rows()}
    assert {"my_rules/gopher_enough_stop_words", "my_rules/top_2_gram"} <= by_row[20] and "my_rules/gopher_below_alpha_threshold" in by_row[21]
    assert sum(row < 20 for row in by_row) < 10


def test_a_rule_set_says_for_which_language_it_was_made(reference: Path, tmp_path: Path) -> None:
    calibrate([str(reference)], tmp_path / "en.yaml", language="en")
    calibrate([str(reference)], tmp_path / "domain.yaml", words=SPLITTER)
    assert load_rules(tmp_path / "en.yaml").languages == ("en",) and load_rules(tmp_path / "domain.yaml").languages == ()
    assert "languages: [en]\n" in (tmp_path / "en.yaml").read_text()


def test_what_cannot_be_calibrated_is_one_clear_line(reference: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(jsonl([{"text": " "}]))
    with pytest.raises(CurateError, match="no text in it"):
        calibrate([str(tmp_path / "empty.jsonl")], tmp_path / "mine.yaml")
    with pytest.raises(CurateError, match=r"a rule set is a \.yaml file"):
        calibrate([str(reference)], tmp_path / "mine.json")
    arguments = ["calibrate", "--reference", str(reference), "--out", str(tmp_path / "m.yaml"), "--method", "best"]
    done = subprocess.run([sys.executable, "-c", "from curate.cli import main; main()", *arguments], capture_output=True, text=True)
    assert done.returncode != 0 and "known are mean and quantile" in done.stderr + done.stdout
