import json
import shutil
import signal
from pathlib import Path

import pytest
import torch

from mix.build import build
from mix.recipe import MixRecipe
from tests.train.parts import ROW_TOKENS
from tests.train.runs import curve, go, run_with_signal, stop_at, weights
from train.errors import TrainError

BATCH_ROWS = 8
WSD = {"warmup_steps": 2, "decay_share": 0.2}


def extend(mix: Path, rows: int, out: Path, stages=None, tokens: Path | None = None) -> Path:
    """A mix that keeps `rows` rows of `mix`, which `write_mix` made, or was extended from one, with its tokens sets in the folder `tokens`."""
    recipe = {
        "name": "longer",
        "row_tokens": ROW_TOKENS,
        "sources": {name: {"tokens": str((tokens or mix.parent) / name), "max_epochs": 50} for name in ("even", "odd")},
        "stages": stages or [{"name": "odd", "tokens": 12_000, "weights": {"even": 0.2, "odd": 0.8}}],
        "extends": {"mix": str(mix), "rows": rows},
        "out": str(out),
    }
    build(MixRecipe.model_validate(recipe))
    return out


@pytest.fixture
def stopped(write_recipe, mix, tmp_path, monkeypatch):
    """A run of all steps of its mix, stopped after step 10 of 53 with a checkpoint; its recipe is overwritten by the next call of write_recipe."""
    with monkeypatch.context() as patch:
        stop_at(patch, 10)
        go(write_recipe(steps=None, schedule=WSD))
    assert json.loads((tmp_path / "run" / "checkpoints" / "step-000010" / "facts.json").read_text())["next_row"] == 80
    return tmp_path / "run"


def parameters(out):
    return {name: tensor.clone() for name, tensor in weights(out).items()}


def test_a_run_continues_on_an_extension_with_weights_moments_and_position(write_recipe, mix, tmp_path, stopped):
    longer = extend(mix, 80, tmp_path / "longer")
    done = curve(stopped)
    go(write_recipe(steps=None, schedule=WSD, mix=str(longer)))
    assert curve(stopped)[:10] == done
    go(write_recipe(steps=None, schedule=WSD, mix=str(longer)), f"out={tmp_path / 'whole'}")  # the same rows in one run
    # Steps 1 to 10 have the rates of another number of steps only if warm-up or decay reach into them; here both runs are equal to the bit.
    assert curve(tmp_path / "whole") == curve(stopped)
    assert all(torch.equal(tensor, parameters(stopped)[name]) for name, tensor in parameters(tmp_path / "whole").items())
    shares = [sum(record["tokens_by_source"]["odd"] for record in part) for part in (curve(stopped)[:10], curve(stopped)[10:20])]
    assert shares[1] > 2 * shares[0]
    plans = json.loads((stopped / "run.json").read_text())["plans"]
    assert [(plan["first_row"], plan["steps"]) for plan in plans] == [(0, 53), (80, len(curve(stopped)))]
    assert go(write_recipe(steps=None, schedule=WSD, mix=str(longer))).headline == "Nothing to do, this run is finished"


@pytest.mark.slow
def test_a_run_killed_with_signal_9_in_the_extended_part_ends_like_one_that_was_not(write_recipe, mix, tmp_path, stopped):
    longer = extend(mix, 80, tmp_path / "longer")
    recipe = write_recipe(steps=None, schedule=WSD, mix=str(longer))
    go(recipe, f"out={tmp_path / 'whole'}")
    for step in (12, 18):
        assert run_with_signal(recipe, step, signal.SIGKILL).returncode == -signal.SIGKILL
    go(recipe)
    assert curve(stopped) == curve(tmp_path / "whole")
    assert all(torch.equal(tensor, parameters(stopped)[name]) for name, tensor in parameters(tmp_path / "whole").items())
    assert [plan["first_row"] for plan in json.loads((stopped / "run.json").read_text())["plans"]] == [0, 80]


def test_a_mix_is_extended_twice_and_beyond_the_row_of_the_checkpoint(write_recipe, mix, tmp_path, stopped, monkeypatch):
    first = extend(mix, 96, tmp_path / "first")
    with monkeypatch.context() as patch:
        stop_at(patch, 14)
        go(write_recipe(steps=None, schedule=WSD, mix=str(first)))
    second = extend(first, 112, tmp_path / "second", [{"tokens": 9000, "weights": {"even": 1}}], mix.parent)
    go(write_recipe(steps=None, schedule=WSD, mix=str(second)))
    assert [plan["first_row"] for plan in json.loads((stopped / "run.json").read_text())["plans"]] == [0, 80, 112]
    records = curve(stopped)
    assert [record["step"] for record in records] == list(range(1, len(records) + 1))
    assert all("odd" not in record["loss_by_source"] for record in records[14:])


def test_an_extension_that_lacks_rows_trained_on_is_refused_by_row(write_recipe, mix, tmp_path, stopped):
    with pytest.raises(TrainError, match=r"step-000010: trained up to row 80, but mix .*longer keeps only the first 40 rows of the mix .*--at-checkpoint"):
        go(write_recipe(steps=None, schedule=WSD, mix=str(extend(mix, 40, tmp_path / "longer"))))
    other = tmp_path / "other"
    shutil.copytree(mix.parent, other)
    plain = MixRecipe.model_validate(
        {"name": "o", "row_tokens": ROW_TOKENS, "seed": 5, "tokens": 9000, "weights": {"even": 1}, "out": str(other / "mix2"),
         "sources": {"even": {"tokens": str(other / "even"), "max_epochs": 9}}}
    )  # fmt: skip
    build(plain)
    with pytest.raises(TrainError, match="holds a run with another mix; give another --out"):
        go(write_recipe(steps=None, schedule=WSD, mix=str(other / "mix2")))


def test_other_settings_are_still_another_run(write_recipe, mix, tmp_path, stopped):
    longer = extend(mix, 80, tmp_path / "longer")
    with pytest.raises(TrainError, match="holds a run with another recipe; give another --out"):
        go(write_recipe(steps=None, schedule=WSD, mix=str(longer), seed=3))
    assert json.loads((stopped / "run.json").read_text())["plans"][-1]["first_row"] == 0


def test_a_schedule_that_would_break_off_is_refused_unless_steps_or_the_recipe_say_otherwise(write_recipe, mix, tmp_path, monkeypatch):
    cosine = {"kind": "cosine", "warmup_steps": 2}
    with monkeypatch.context() as patch:
        stop_at(patch, 10)
        go(write_recipe(steps=None, schedule=cosine))
    longer = extend(mix, 80, tmp_path / "longer", [{"tokens": 30_000, "weights": {"odd": 1}}])
    with pytest.raises(TrainError, match=r"schedule: the learning rate of step 10 was 0\.009\d+ over 53 steps and is 0\.009\d+ over 90; set steps: 53"):
        go(write_recipe(steps=None, schedule=cosine, mix=str(longer)))
    shutil.copytree(tmp_path / "run", tmp_path / "accepted")
    go(write_recipe(schedule=cosine, mix=str(longer), steps=12), "schedule_change=accept", f"out={tmp_path / 'accepted'}")
    with pytest.raises(TrainError, match="another recipe"):
        go(write_recipe(schedule=cosine, steps=53))  # the number of steps may change only with the mix
    go(write_recipe(schedule=cosine, mix=str(longer), steps=53))
    assert curve(tmp_path / "run")[-1]["step"] == 53 and len(curve(tmp_path / "accepted")) == 12


def test_a_finished_run_goes_on_from_its_last_checkpoint(write_recipe, mix, tmp_path):
    go(write_recipe(steps=None, schedule={"kind": "constant"}))
    assert curve(tmp_path / "run")[-1]["step"] == 53
    longer = extend(mix, 424, tmp_path / "longer")
    outcome = go(write_recipe(steps=None, schedule={"kind": "constant"}, mix=str(longer)))
    assert outcome.headline == "Trained" and outcome.step > 70 and len(curve(tmp_path / "run")) == outcome.step
