"""Whole runs with other optimizers, precisions, schedules and averages."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.runs import curve, go, stop_at, weights
from train.errors import TrainError

LEAN = {"precision": "bf16", "save_dtype": "fp32", "steps": 6, "checkpoint": {"every_steps": 4}}
RUNS = {
    "muon": {"optimizer": {"lr": 0.01, "kind": "muon"}},
    "kahan": LEAN | {"optimizer": {"lr": 0.01, "weights": "kahan"}},
    "stochastic 8-bit": LEAN | {"optimizer": {"lr": 0.01, "weights": "stochastic", "kind": "adamw8bit"}},
    "averaged": {"averaging": {"ema": {"decay": 0.9}, "reptile": {"epsilon": 0.5, "every_steps": 3}}, "optimizer": {"lr": 0.01, "skip_spikes": {"window": 20}}},
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in ("muon", "kahan") else ()) for name in RUNS])
def test_a_run_that_was_stopped_ends_like_one_that_was_not(write_recipe, tmp_path, monkeypatch, name):
    recipe = write_recipe(**({"steps": 6, "checkpoint": {"every_steps": 4}} | RUNS[name]))
    go(recipe, f"out={tmp_path / 'straight'}")
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        go(recipe)
    go(recipe)
    assert curve(tmp_path / "run") == curve(tmp_path / "straight")
    assert curve(tmp_path / "run")[-1]["loss"] < curve(tmp_path / "run")[0]["loss"] - 0.1
    assert all(tensor.equal(weights(tmp_path / "straight")[key]) for key, tensor in weights(tmp_path / "run").items())


def test_bfloat16_alone_can_be_sharded(write_recipe, tmp_path):
    recipe = write_recipe(**RUNS["kahan"] | {"steps": 4})
    go(recipe, f"out={tmp_path / 'whole'}")
    go(recipe, f"out={tmp_path / 'sharded'}", "sharding.always=true")
    losses = [[record["loss"] for record in curve(tmp_path / out)] for out in ("whole", "sharded")]
    assert losses[1] == pytest.approx(losses[0], rel=5e-3)


def test_the_moving_average_is_a_model_beside_the_final_one_or_in_its_place(write_recipe, tmp_path):
    averaging = {"ema": {"decay": 0.5, "warmup": False}}
    go(write_recipe(steps=3, averaging=averaging), f"out={tmp_path / 'beside'}")
    go(write_recipe(steps=3, averaging={"ema": averaging["ema"] | {"export": "instead"}}), f"out={tmp_path / 'instead'}")
    average = AutoModelForCausalLM.from_pretrained(tmp_path / "beside" / "model-ema").state_dict()
    assert all(tensor.equal(average[name]) for name, tensor in weights(tmp_path / "instead").items())
    assert not any(tensor.equal(average[name]) for name, tensor in weights(tmp_path / "beside").items() if tensor.ndim == 2)
    assert not (tmp_path / "instead" / "model-ema").exists()


def test_phases_follow_the_stages_of_the_mix(write_recipe, tmp_path):
    go(write_recipe(steps=4, schedule={"phases": [{"steps": 2, "to": 1.0}, {"stage": "only", "to": 0.5}]}))
    assert [record["lr"] for record in curve(tmp_path / "run")] == pytest.approx([0.005, 0.01, 0.01, 0.0075])


def test_phases_that_do_not_fit_are_refused_before_anything_is_written(write_recipe, tmp_path):
    with pytest.raises(TrainError, match="the mix has no stage anneal; it has only"):
        go(write_recipe(schedule={"phases": [{"stage": "anneal"}]}))
    with pytest.raises(TrainError, match=r"optimizer.weights: stochastic keeps weights in bfloat16; set precision: bf16"):
        go(write_recipe(optimizer={"weights": "stochastic"}))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_bfloat16_alone_learns_like_float32_masters(write_recipe, tmp_path):
    losses = {}
    for kept in ("masters", "kahan", "stochastic"):
        go(write_recipe(precision="bf16", optimizer={"lr": 0.01, "weights": kept}), f"out={tmp_path / kept}")
        losses[kept] = torch.tensor([record["loss"] for record in curve(tmp_path / kept)])
    assert (losses["kahan"] - losses["masters"]).abs().max() < 0.05
    assert (losses["stochastic"] - losses["masters"]).abs().max() < 0.05
