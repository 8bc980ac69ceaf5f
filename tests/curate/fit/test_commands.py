from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.fit.commands import class_sources, run_calibrate, run_fit_classifier, run_fit_importance
from shards.errors import RecipeError
from tests.curate.corpus import document, jsonl
from tests.curate.fit.test_classifier import write_topics

NO_SOURCES: dict[str, tuple[str, ...]] = {"positive": (), "negative": (), "classes": (), "labelled": ()}


def test_classes_are_positives_negatives_and_then_those_with_a_name() -> None:
    sources = NO_SOURCES | {"negative": ("raw", "more"), "positive": ("good",), "classes": ("law=a=b",)}
    assert [tuple(entry.values()) for entry in class_sources(sources)] == [("positive", "good"), ("negative", "raw"), ("negative", "more"), ("law", "a=b")]


@pytest.mark.parametrize("item", ["law", "=path", "law="])
def test_a_class_without_name_or_path_is_refused(item: str) -> None:
    with pytest.raises(RecipeError, match=f"--class {item}: expected NAME=PATH"):
        class_sources(NO_SOURCES | {"classes": (item,)})


def test_a_classifiers_worth_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = NO_SOURCES | {"labelled": (str(write_topics(tmp_path / "in.jsonl", 60)),)}
    run_fit_classifier(tmp_path / "model", sources, "topic", {"label": "law"}, ["dim=8", "buckets=2000", "epochs=20", "held_out=0.3"])
    printed = capsys.readouterr()
    assert "threshold for law" in printed.out + printed.err and "always the largest class" in printed.out + printed.err


def test_importance_weights_are_fitted_and_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.txt").write_text("one two three")
    run_fit_importance(tmp_path / "weights", [str(tmp_path / "in.txt")], [str(tmp_path / "in.txt")], ["ngrams=1"])
    printed = capsys.readouterr()
    assert "1 texts, 3 n-grams" in printed.out + printed.err and "0.000 nats" in printed.out + printed.err


def test_calibration_shows_each_rule_and_how_to_use_the_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.jsonl").write_bytes(jsonl([{"text": document(seed)} for seed in range(30)]))
    run_calibrate([str(tmp_path / "in.jsonl")], tmp_path / "mine.yaml", "", "quantile", "spacy:xx", "default", False)
    printed = capsys.readouterr()
    shown = printed.out + printed.err
    assert "gopher_enough_stop_words" in shown and "only 30 documents" in shown and "words: spacy:xx" in shown
    with pytest.raises(CurateError, match="--method best: known are mean and quantile"):
        run_calibrate([str(tmp_path / "in.jsonl")], tmp_path / "mine.yaml", "", "best", "", "default", False)
