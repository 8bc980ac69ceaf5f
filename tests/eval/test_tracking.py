import json
import sqlite3

import pytest

from eval.errors import EvalError
from eval.tracking import log
from shards.trackers import run_key
from tests.commands import run as run_command
from tests.eval.frontier.outputs import write_evaluation, write_run
from tests.eval.synthetic import write_json


@pytest.fixture
def scored(tmp_path):
    """A run, and scores of its trained model, of a checkpoint of it, and of another model."""
    run = write_run(tmp_path / "run", "law")
    paths = {"law@4": str(run / "checkpoints" / "step-000004")}
    deltas = {"base": {"law": 0, "web": 0}, "law": {"law": -0.3, "web": 0.02}, "law@4": {"law": -0.2, "web": 0.1}, "other": {"law": -0.5, "web": 0.0}}
    return run, write_evaluation(tmp_path / "scores", deltas, paths=paths)


def watched(folder, recipe_hash):
    point = {"step": 6, "tokens": 6000, "value": 1.6, "delta": -0.2, "low": None, "high": None, "standard_error": None, "minimum_detectable": None}
    point |= {"p_value": 1.0, "adjusted_p": None, "verdict": "too few", "of": "checkpoint"}
    curve = {"kind": "task", "name": "qa", "metric": "acc", "role": None, "base": 0.3, "points": [point]}
    content = {"format": 1, "run": {"name": "law", "folder": "run", "recipe_hash": recipe_hash}, "identity": "i", "baseline": "base", "finished": False}
    write_json(folder / "watch.json", content | {"recipe": {}, "learning_rate": [], "steps": [], "curves": [curve], "skipped": []})
    return folder


def test_tensorboard_gets_a_line_for_each_metric_at_the_step_of_each_model(scored, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run, scores = scored
    recipe_hash = json.loads((run / "run.json").read_text())["recipe_hash"]
    lines = log([scores, watched(tmp_path / "watch", recipe_hash)], run, ["tensorboard"], None)
    events = EventAccumulator(str(run / "tensorboard" / "evaluate"))
    events.Reload()
    read = {name: {event.step: event.value for event in events.Scalars(name)} for name in events.Tags()["scalars"]}
    assert sorted(lines) == [4, 6, 10] and read["evaluate/acc/qa"] == {6: pytest.approx(1.6)}
    law = read["evaluate/bits_per_byte_change/law/delta"]
    assert law == {4: pytest.approx(-0.2, abs=0.01), 10: pytest.approx(-0.3, abs=0.01)}
    assert read["evaluate/bits_per_byte_change/law/low"][10] < law[10] and set(read["evaluate/bits_per_byte/web"]) == {4, 10}


def test_wandb_offline_and_trackio_join_the_run_of_the_trainer(scored, tmp_path):
    pytest.importorskip("wandb")
    pytest.importorskip("trackio")
    run, scores = scored
    environment = {"TRACKIO_DIR": str(tmp_path / "trackio"), "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    options = ["--run", run, "--to", "wandb", "--to", "trackio", "--project", "p"]
    said = run_command("evaluate", "log", scores, *options, environment=environment)
    assert "4, 10" in said and "without it" not in said
    key = run_key(run, "", "a" * 32)
    (file,) = (run / "wandb").glob(f"offline-run-*/run-{key}.wandb")
    assert b"evaluate/bits_per_byte/law" in file.read_bytes()
    rows = sqlite3.connect(tmp_path / "trackio" / "p.db").execute("select run_name, step, metrics from metrics order by step").fetchall()
    assert [(name, step) for name, step, _ in rows] == [(f"law-{key[:8]}", 4), (f"law-{key[:8]}", 10)]
    assert json.loads(rows[1][2])["evaluate/bits_per_byte_change/law/delta"] == pytest.approx(-0.3, abs=0.01)


def test_what_cannot_be_logged_is_refused(scored, tmp_path):
    run, scores = scored
    other = write_run(tmp_path / "elsewhere", "elsewhere")
    with pytest.raises(EvalError, match=r"none of the models in .*scores is one of the run .*elsewhere"):
        log([scores], other, ["tensorboard"], None)
    with pytest.raises(EvalError, match=r"none of the models"):
        log([watched(tmp_path / "watch", "0" * 32)], run, ["tensorboard"], None)
    with pytest.raises(EvalError, match=r"--project: needed for wandb and trackio"):
        log([scores], run, ["wandb"], None)
    with pytest.raises(EvalError, match=r"run: no summary.json, tasks.json, watch.json"):
        log([run], run, ["tensorboard"], None)
    with pytest.raises(EvalError, match=r"--to mlflow: no such tracker"):
        log([scores], run, ["mlflow"], None)
