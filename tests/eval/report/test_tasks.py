"""The section on tasks: what it says follows from the verdicts in tasks.json."""

import pytest

from eval.errors import EvalError
from eval.report.tasks import tasks_content
from tests.eval import synthetic
from tests.eval.report.test_write import write
from tests.eval.synthetic import write_json


def bounds(value: float, half: float) -> dict:
    sizes = {"items": 200, "clusters": 200, "effective": 200.0, "standard_error": half / 2}
    return {"low": value - half, "high": value + half, **sizes}


def record(verdict: str = "better") -> dict:
    """tasks.json of two models on two tasks; the second has no verdict but on bits of the first."""
    models = {"base": {"checksum": "b" * 32}, "replay": {"checksum": "b" * 32}}
    task = {"suite": "items", "kind": "choice", "accuracy": "acc", "shots": 0, "chance": 0.25, "items": 200, "left_out": 3, "subtasks": 0}
    scores = [
        {"model": model, "task": name, "metric": metric, "value": 0.5, "smallest_change": 0.1, **bounds(0.5, 0.1)}
        for name in ("law", "art")
        for metric in ("bits_per_byte", "acc")
        for model in models
    ]
    differences = [
        {"model": "replay", "against": "base", "task": name, "metric": metric, "of": "checkpoint", "delta": -0.1, "minimum_detectable": 0.05, "p_value": 0.01}
        | {"adjusted_p": 0.02, "verdict": verdict if (name, metric) == ("law", "bits_per_byte") else "undetectable", **bounds(-0.1, 0.05)}
        for name in ("law", "art")
        for metric in ("bits_per_byte", "acc")
    ]
    head = {"name": "t", "recipe": {}, "recipe_hash": "c" * 32, "baseline": "base", "recipes": {}, "policy": "p", "versions": {}, "settings": {}}
    return head | {"models": models, "tasks": {"law": task, "art": task}, "scores": scores, "subtasks": [], "differences": differences}


@pytest.mark.parametrize(
    "verdict, words",
    [("better", "better on law and no detectable change on 1 of 2 tasks"), ("too few", "no detectable change on 1 of 2 tasks and too few items")],
)
def test_a_sentence_names_the_tasks_of_each_verdict(verdict, words):
    (sentence,) = tasks_content(record(verdict))["sentences"]
    assert sentence.startswith("replay, against base: bits of the right answers ") and words in sentence
    assert "accuracy no detectable change on 2 of 2 tasks." in sentence


def test_rows_of_one_task_and_metric_stand_together():
    content = record()
    plain = [row for row in content["scores"] if row["metric"] == "acc"]
    content["scores"] = [row | {"metric": metric} for row in plain for metric in ("acc", "acc_norm")]
    rows = [(row["task"], row["metric"], row["model"]) for row in tasks_content(content)["accuracies"]]
    assert rows == [(task, metric, model) for task in ("law", "art") for metric in ("acc", "acc_norm") for model in ("base", "replay")]


def test_the_page_shows_each_task_with_its_verdict_and_says_what_was_left_out(fields, tmp_path):
    write_json(tmp_path / "tasks" / "tasks.json", record())
    page, data, html = write(fields | {"tasks": str(tmp_path / "tasks")})
    assert "better on law" in page.text and "25.0% by chance" in page.text and "3 items left out" in page.text
    assert 'id="tasks"' in html and data["tasks"]["bits"][1]["difference"]["word"] == "better"
    assert "differences in bits per byte by task" in html
    without, _, html = write(fields)
    assert 'id="tasks"' not in html and "left out because" not in without.text


def test_tasks_json_of_something_else_is_refused(fields, tmp_path):
    with pytest.raises(EvalError, match=r"tasks: no tasks.json in .*; give the output folder of a finished `evaluate tasks`"):
        write(fields | {"tasks": str(tmp_path / "nowhere")})
    write_json(tmp_path / "tasks" / "tasks.json", record() | {"baseline": "other"})
    with pytest.raises(EvalError, match="baseline: other is not among the models"):
        write(fields | {"tasks": str(tmp_path / "tasks")})


def test_answers_of_another_model_of_the_same_name_are_refused(fields, tmp_path):
    write_json(tmp_path / "tasks" / "tasks.json", record() | {"models": {"base": {"checksum": "b" * 32}, "replay": {"checksum": "f" * 32}}})
    with pytest.raises(EvalError, match=r"tasks: model replay of .* is not the one that was scored; rerun `evaluate tasks`"):
        write(fields | {"tasks": str(tmp_path / "tasks")})


def test_names_in_tasks_cannot_break_the_page(fields, tmp_path):
    made = record()
    nasty = synthetic.NASTY
    made["tasks"] = {nasty if name == "law" else name: facts for name, facts in made["tasks"].items()}
    for row in (*made["scores"], *made["differences"]):
        row["task"] = nasty if row["task"] == "law" else row["task"]
    write_json(tmp_path / "tasks" / "tasks.json", made)
    _, _, html = write(fields | {"tasks": str(tmp_path / "tasks")})
    assert "<script" not in html
