"""The second stage takes a task's signals batch by batch; the verdicts are those of all at once."""

from pathlib import Path

import polars as pl
import pytest

from curate.pipeline.decide import DecideJob, decide_documents, decide_task
from curate.pipeline.measure import MeasureJob, measure_task
from curate.read.files import list_files
from curate.read.tasks import cut_tasks
from curate.recipe import CurateRecipe
from curate.rules.chosen import chosen_rules
from shards.stages import Stage
from tests.curate.corpus import document, jsonl


def test_batches_are_decided_as_if_they_were_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.pipeline.measure.BATCH_ROWS", 7)
    monkeypatch.setattr("curate.read.json.jsonl.BATCH_ROWS", 7)
    texts = [document(number) if number % 3 else f"Too short to keep, number {number}." for number in range(40)]
    (tmp_path / "a.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    recipe = CurateRecipe.model_validate({"name": "x", "inputs": [str(tmp_path / "a.jsonl")], "language": {"keep": ["en"], "min_confidence": 0.5}})
    (task,) = cut_tasks(list_files(recipe.inputs)[0])
    measure_task(MeasureJob(str(tmp_path / "measured"), task, recipe))
    measured = Stage(tmp_path / "measured")
    assert len(list(measured.batches(0, "signals"))) > 3
    seen: list[int] = []

    def counted(signals: pl.DataFrame, *rest: object) -> pl.DataFrame:
        seen.append(signals.height)
        return decide_documents(signals, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("curate.pipeline.decide.decide_documents", counted)
    rule_sets = tuple(chosen_rules(recipe.rules))
    assert decide_task(DecideJob(str(tmp_path / "decided"), str(tmp_path / "measured"), 0, recipe, rule_sets)) == 40 and max(seen) < 40
    whole = decide_documents(pl.DataFrame(measured.table(0, "signals")), recipe, rule_sets)
    found = pl.DataFrame(Stage(tmp_path / "decided").table(0, "fired"))
    assert found.height > 10 and found.equals(whole.cast(found.schema))  # type: ignore[arg-type]
