import json
import shutil

import pytest

from eval import run as evaluate_run
from eval.errors import EvalError
from eval.frontier.build import build
from eval.frontier.find import find
from eval.run import run
from eval.statistics.multiple import holm
from eval.tasks.recipe import TasksRecipe
from eval.watch.record import WatchRecord
from eval.watch.watch import POLL_SECONDS, watch
from shards.record import read_record
from tests.eval.watch.conftest import MadeUpRun
from tests.records import content_of


def never(seconds):
    raise AssertionError("nothing to wait for")


def curve(content, name="domain", metric="bits_per_byte"):
    return next(one for one in content["curves"] if (one["name"], one["metric"]) == (name, metric))


def test_curves_over_steps_are_those_of_evaluate_run_and_corrected_together(made_up_run, recipe, tmp_path):
    for step in (3, 2):
        made_up_run.checkpoint(step)
    content = watch(made_up_run.folder, recipe(), None, tmp_path / "watch", once=True, sleep=never)
    assert [point["step"] for point in curve(content)["points"]] == [2, 3] and not content["finished"]
    read_record(tmp_path / "watch" / "watch.json", WatchRecord)
    models = {"base": recipe().models["base"], "two": made_up_run.folder / "checkpoints" / "step-000002"}
    expected = run(recipe(models=models, out=tmp_path / "plain"))
    row = next(row for row in expected["differences"] if row["domain"] == "domain")
    point = curve(content)["points"][0]
    for name in ("delta", "low", "high", "standard_error", "p_value"):
        assert point.get(name) == row.get(name)
    assert (point["tokens"], curve(content)["role"]) == (200, "gain")
    points = [point for one in content["curves"] for point in one["points"] if point["adjusted_p"] is not None]
    assert [point["adjusted_p"] for point in points] == holm([point["p_value"] for point in points])


def test_a_running_run_is_watched_until_its_model_is_scored(made_up_run, recipe, tmp_path):
    made_up_run.checkpoint(1)
    waits = []

    def train_on(seconds):
        waits.append(seconds)
        if len(waits) == 1:
            made_up_run.rotate(1)
            made_up_run.checkpoint(2)
        else:
            made_up_run.finish(4)

    content = watch(made_up_run.folder, recipe(), None, tmp_path / "watch", sleep=train_on)
    assert [step["step"] for step in content["steps"]] == [1, 2, 4] and content["finished"] and waits == [POLL_SECONDS] * 2
    assert content["learning_rate"] == [(1, 0.1), (2, 0.05), (3, pytest.approx(0.1 / 3)), (4, 0.025)]


def test_the_same_command_scores_only_what_is_new_and_keeps_what_was_deleted(made_up_run, recipe, tmp_path, monkeypatch):
    made_up_run.checkpoint(1)
    first = watch(made_up_run.folder, recipe(), None, tmp_path / "watch", once=True, sleep=never)
    made_up_run.rotate(1)
    made_up_run.checkpoint(2)
    scored = []
    load_model = evaluate_run.load_model
    monkeypatch.setattr(evaluate_run, "load_model", lambda folder, *rest: scored.append(folder.name) or load_model(folder, *rest))
    second = watch(made_up_run.folder, recipe(), None, tmp_path / "watch", once=True, sleep=never)
    assert scored == ["law@2"] and [step["step"] for step in second["steps"]] == [1, 2]
    assert curve(second)["points"][0]["delta"] == curve(first)["points"][0]["delta"]


def test_a_kill_between_two_steps_loses_none(made_up_run, recipe, tmp_path, monkeypatch):
    """After the scores of a step are written and before watch.json is, and after half a step."""
    from eval.watch import watch as module

    made_up_run.checkpoint(1)
    made_up_run.checkpoint(2)
    with monkeypatch.context() as patch:
        patch.setattr(module.Watch, "write", lambda self: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            watch(made_up_run.folder, recipe(), None, tmp_path / "watch", once=True, sleep=never)
    killed = watch(made_up_run.folder, recipe(), None, tmp_path / "watch", once=True, sleep=never)
    straight = watch(made_up_run.folder, recipe(), None, tmp_path / "straight", once=True, sleep=never)
    assert killed == straight
    assert (tmp_path / "watch" / "watch.json").read_bytes() == (tmp_path / "straight" / "watch.json").read_bytes()


@pytest.mark.parametrize("whole", [True, False])
def test_a_checkpoint_that_vanishes_while_it_is_scored_is_skipped_and_told(made_up_run, recipe, tmp_path, monkeypatch, caplog, whole):
    path = made_up_run.checkpoint(1)
    made_up_run.checkpoint(2)
    load_model = evaluate_run.load_model

    def vanish(folder, *rest):
        if folder.name == "law@1":
            shutil.rmtree(path) if whole else (path / "model.safetensors").unlink()
        return load_model(folder, *rest)

    monkeypatch.setattr(evaluate_run, "load_model", vanish)
    content = watch(made_up_run.folder, recipe(), None, tmp_path / "watch", once=True, sleep=never)
    assert [step["step"] for step in content["steps"]] == [2]
    assert content["skipped"] == [{"step": 1, "why": "it was deleted before it was scored; raise checkpoint.keep_last of the run"}]
    assert "step 1: " in caplog.text and "skipped, because it was deleted" in caplog.text


def test_a_checkpoint_without_a_model_is_skipped_and_other_faults_are_raised(made_up_run, recipe, tmp_path):
    path = made_up_run.checkpoint(1)
    facts = content_of(path / "facts.json")
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (path / name).unlink()
    from tests.eval.synthetic import write_json

    write_json(path / "facts.json", facts | {"files": {}})
    content = watch(made_up_run.folder, recipe(), None, tmp_path / "watch", once=True, sleep=never)
    assert content["skipped"] == [{"step": 1, "why": "it holds no model, because the trainer could not export it"}] and not content["curves"]
    made_up_run.checkpoint(2)
    with pytest.raises(EvalError, match=r"context is 64 tokens"):
        watch(made_up_run.folder, recipe(context_tokens=128), None, tmp_path / "other", once=True, sleep=never)


def test_another_recipe_or_run_is_refused_and_other_models_in_the_recipe_do_not_count(made_up_run, recipe, tmp_path):
    made_up_run.checkpoint(1)
    watch(made_up_run.folder, recipe(), None, tmp_path / "watch", once=True, sleep=never)
    alone = recipe(models={"base": recipe().models["base"]}, device="cpu")
    assert len(watch(made_up_run.folder, alone, None, tmp_path / "watch", once=True, sleep=never)["steps"]) == 1
    with pytest.raises(EvalError, match=r"watch: holds the scores of another run or of other recipes"):
        watch(made_up_run.folder, recipe(context_tokens=32), None, tmp_path / "watch", once=True, sleep=never)
    with pytest.raises(EvalError, match=r"elsewhere: no run.json, so this is no output folder of `train`"):
        watch(tmp_path / "elsewhere", recipe(), None, tmp_path / "w", once=True, sleep=never)
    with pytest.raises(EvalError, match=r"nothing to score"):
        watch(made_up_run.folder, None, None, tmp_path / "w", once=True, sleep=never)


def test_a_frontier_reads_what_was_watched(made_up_run: MadeUpRun, recipe, tmp_path):
    for step in (1, 2):
        made_up_run.checkpoint(step)
    watch(made_up_run.folder, recipe(), None, tmp_path / "watch", once=True, sleep=never)
    content = build(find([tmp_path / "watch"]), [], [], None, 200)
    assert [point["name"] for point in content["points"]] == ["law@1", "law@2"]


@pytest.mark.slow
def test_tasks_are_asked_at_every_step(made_up_run, tmp_path, model_folders):
    pytest.importorskip("lm_eval")
    items = [{"id": f"q{number}", "context": f"Box {number} is", "choices": [" red", " blue"], "gold": number % 2} for number in range(20)]
    (tmp_path / "boxes.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    fields = {"name": "t", "models": {"base": model_folders["base"]}, "baseline": "base", "tasks": {"boxes": {"items": tmp_path / "boxes.jsonl"}}}
    tasks = TasksRecipe.model_validate(fields | {"n_resamples": 100, "device": "cpu", "threads": 1, "out": tmp_path / "unused"})
    for step in (1, 2):
        made_up_run.checkpoint(step)
    content = watch(made_up_run.folder, None, tasks, tmp_path / "watch", once=True, sleep=never)
    bits = curve(content, "boxes")
    assert [point["step"] for point in bits["points"]] == [1, 2] and bits["kind"] == "task" and bits["points"][0]["value"] != bits["points"][1]["value"]
    assert curve(content, "boxes", "acc")["points"][0]["low"] is not None
    read_record(tmp_path / "watch" / "watch.json", WatchRecord)
    made_up_run.rotate(1)
    assert watch(made_up_run.folder, None, tasks, tmp_path / "watch", once=True, sleep=never) == content
