import pytest

from eval.errors import EvalError
from eval.report.read import read_inputs
from eval.report.recipe import ReportRecipe
from shards.record import sealed
from tests.records import edit


@pytest.mark.parametrize(
    "path, message",
    [
        ("scores/summary.json", r"scores: no summary.json in .*scores; give the output folder of a finished `evaluate run`"),
        ("curate/domain/report.json", r"curate.domain: no report.json in .*domain; give the output folder of a finished `curate run`"),
        ("mix/replay/preview.json", r"mixes.replay: no preview.json in .*replay"),
        ("train/replay/metrics.jsonl", r"runs.replay: no metrics.jsonl in .*replay; give the output folder of `train`"),
    ],
)
def test_a_missing_input_is_named_with_the_key_and_the_command_that_makes_it(fields, tmp_path, path, message):
    (tmp_path / path).unlink()
    with pytest.raises(EvalError, match=message):
        read_inputs(ReportRecipe.model_validate(fields))


@pytest.mark.parametrize(
    "path, content, message",
    [
        ("scores/summary.json", "{", r"scores: .*summary.json: not readable JSON"),
        ("scores/summary.json", '{"scores": []}', r"scores: .*summary.json: has no checksum"),
        ("curate/general/report.json", {}, r"curate.general: .*report.json: name: missing; recipe_hash: .*; it is not what `curate run` writes"),
        ("mix/replay/preview.json", {"sources": []}, r"mixes.replay: .*preview.json: tokens: missing; rows: missing; stages: missing"),
        ("train/replay/metrics.jsonl", "", r"runs.replay: .*metrics.jsonl holds no steps"),
        ("train/replay/metrics.jsonl", '{"step": 1}\n', r"runs.replay: .*metrics.jsonl line 1 is not a step's metrics: tokens: missing"),
    ],
)
def test_a_damaged_input_is_named(fields, tmp_path, path, content, message):
    (tmp_path / path).write_bytes(content.encode() if isinstance(content, str) else sealed(content))
    with pytest.raises(EvalError, match=message):
        read_inputs(ReportRecipe.model_validate(fields))


def test_the_provenance_of_a_run_names_its_earlier_plans_and_the_checkpoint_it_started_from(fields, tmp_path):
    plans = [{"plan_hash": "a" * 32, "first_row": 0, "steps": 9}, {"plan_hash": "b" * 32, "first_row": 640, "steps": 12}]
    start = {"run": "stable", "step": 500, "checkpoint_hash": "c" * 32, "moments": True}
    edit(tmp_path / "train" / "replay" / "run.json", lambda record: record.update(plan_hash="b" * 32, plans=plans, resumed_from=start))
    rows = {row["what"]: row for row in read_inputs(ReportRecipe.model_validate(fields)).provenance}
    assert rows["run replay"]["plan"] == "b" * 32 and rows["run replay, rows 0 to 639"]["plan"] == "a" * 32
    assert rows["start of run replay: stable, step 500"]["content"] == "c" * 32
