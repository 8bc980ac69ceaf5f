from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.models.classifier import load_classifier
from curate.models.importance import load_importance
from curate.pipeline.run import run
from shards.read import ShardSet
from tests.curate.steps.topics import load, make_home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("home"))


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
