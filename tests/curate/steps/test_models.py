import random
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.fit.classifier import fit_classifier
from curate.fit.importance import fit_importance
from curate.fit.recipe import AimRecipe, ClassifierRecipe, ImportanceFitRecipe
from curate.inspect.percentiles import keep_threshold, measured, print_percentiles, signal_values
from curate.models.classifier import load_classifier
from curate.models.importance import load_importance
from curate.pipeline.run import run
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import recipe
from tests.curate.fit.test_classifier import small, text, write_topics

RULES = """
name: mine
dialect: ours
source: test
rules:
  - {name: not_law, value: law, drop_if: '<', threshold: 0.5}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of three topics, a classifier of them, importance weights for one."""
    home = tmp_path_factory.mktemp("home")
    write_topics(home / "in.jsonl", 60)
    source = (str(home / "in.jsonl"),)
    fit_classifier(ClassifierRecipe(labelled=source, label_column="topic", **small()), AimRecipe(label="law"), home / "topics")
    draw = random.Random(5)
    (home / "target.txt").write_text("\n".join(text("law", draw) for _ in range(50)))
    fit_importance(ImportanceFitRecipe(target=(str(home / "target.txt"),), raw=source), home / "weights")
    (home / "rules.yaml").write_text(RULES)
    return home


def load(home: Path, **changes: object) -> CurateRecipe:
    models = [
        {"kind": "fasttext", "name": "law", "path": str(home / "topics"), "label": "__label__law"},
        {"kind": "fasttext", "name": "topic", "path": str(home / "topics")},
        {"kind": "dsir", "path": str(home / "weights")},
    ]
    plain: dict[str, object] = {"models": models, "language": None, "unicode": "off", "rules": [str(home / "rules.yaml")], "keep_signals": ["topic", "dsir"]}
    path = home / "recipe.yaml"
    path.write_text(recipe(home / "in.jsonl", **(plain | changes)))
    return load_recipe(path, CurateRecipe)


def test_scores_become_signals_that_rules_read_and_documents_keep(home: Path, tmp_path: Path) -> None:
    report = run(load(home), tmp_path / "out", 1).report
    signals = pl.DataFrame(ShardSet(tmp_path / "out" / "signals").to_table())
    assert {"law", "topic", "topic_score", "dsir", "dsir_per_ngram", "dsir_gumbel"} <= set(signals.columns)
    documents = pl.DataFrame(ShardSet(tmp_path / "out" / "documents").to_table())
    column = documents["text"].to_arrow().cast(pa.large_string())
    assert (load_classifier(str(home / "topics")).probability(column, "law") >= 0.5).all()
    assert documents["topic"].to_list() == load_classifier(str(home / "topics")).most_likely(column).label.to_pylist()
    assert documents["dsir"].to_numpy() == pytest.approx(load_importance(str(home / "weights")).weigh(column).log_weight)
    fired = next(row for row in report["rules"] if row["rule"] == "mine/not_law")
    assert fired["documents"] == int((signals["law"] < 0.5).sum()) > 60


def test_another_threshold_is_decided_without_measuring_and_another_model_is_measured(home: Path, tmp_path: Path) -> None:
    def measured() -> list[str]:
        return sorted(folder.name for folder in (tmp_path / "out" / "work").glob("measure-*"))

    run(load(home), tmp_path / "out", 1)
    first = measured()
    run(load(home, rules=[{"name": str(home / "rules.yaml"), "thresholds": {"not_law": 0.9}}]), tmp_path / "out", 1)
    assert measured() == first
    only = [{"kind": "fasttext", "name": "law", "path": str(home / "topics"), "label": "law"}]
    run(load(home, models=only, keep_signals=[]), tmp_path / "out", 1)
    assert measured() != first


def test_what_a_run_cannot_use_stops_it_before_any_work(home: Path, tmp_path: Path) -> None:
    def failing(**changes: object) -> str:
        with pytest.raises(CurateError) as error:
            run(load(home, **changes), tmp_path / "out", 1)
        assert not (tmp_path / "out" / "documents").exists()
        return str(error.value)

    def one(**changes: object) -> dict[str, object]:
        return {"kind": "fasttext", "name": "law", "path": str(home / "topics")} | changes

    assert "no such file or folder" in failing(models=[one(path="nowhere")])
    assert "no label 'tax'; it has " in failing(models=[one(label="tax")])
    assert "two of them measure law" in failing(models=[one(label="law"), one(label="cooking")])
    assert "n_words is measured twice" in failing(models=[one(label="law", name="n_words"), one(label="law")], rules=["gopher_quality"])
    assert "make them with `curate fit-importance`" in failing(models=[one(label="law"), {"kind": "dsir", "path": str(home)}])


def test_the_share_to_keep_gives_a_threshold_that_keeps_it(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = np.random.default_rng(0).normal(size=1001)
    assert (values >= keep_threshold(values, 0.1, lowest=False)).sum() == 101
    assert (values <= keep_threshold(values, 0.1, lowest=True)).sum() == 101
    run(load(home), tmp_path / "out", 1)
    everything, kept = (signal_values(tmp_path / "out", "law", None, kept) for kept in (False, True))
    assert everything.height == 180 and (kept["value"] >= 0.5).all() and 0 < kept.height < 100
    print_percentiles(tmp_path / "out", "dsir_gumbel", "topic", False, 0.25, False)
    printed = capsys.readouterr().out
    assert "sailing" in printed and "drop_if: '<', threshold: " in printed
    with pytest.raises(CurateError, match="neither a signal nor a rule of this run; did you mean law"):
        signal_values(tmp_path / "out", "lwa", None, False)
    with pytest.raises(CurateError, match="topic holds String, no number"):
        signal_values(tmp_path / "out", "topic", None, False)


def test_percentiles_take_the_name_of_a_rule_for_what_it_looks_at(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(load(home, rules=["gopher_quality", "fineweb"]), tmp_path / "out", 1)
    short = signal_values(tmp_path / "out", "gopher_quality/gopher_short_doc", None, False)
    assert short.equals(signal_values(tmp_path / "out", "n_non_symbol_words", None, False))
    assert signal_values(tmp_path / "out", "list_ratio", None, False).height == short.height
    assert measured(tmp_path / "out", "language/low_confidence").value == "language_score"
    print_percentiles(tmp_path / "out", "fineweb/list_ratio", None, False, 0.5, True)
    printed = capsys.readouterr().out
    assert "fineweb/list_ratio: n_newlines / n_words" in printed and '{name: list_ratio, value: "n_newlines / n_words", drop_if' in printed
    with pytest.raises(CurateError, match=r"fineweb/lst_ratio: neither .* did you mean fineweb/list_ratio"):
        signal_values(tmp_path / "out", "fineweb/lst_ratio", None, False)
    with pytest.raises(CurateError, match="this rule has no signal"):
        signal_values(tmp_path / "out", "minhash/duplicate", None, False)
    with pytest.raises(CurateError, match="was not measured"):
        signal_values(tmp_path / "out", "code/long_lines", None, False)
