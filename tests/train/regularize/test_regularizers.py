"""Whole runs with regularizers."""

import signal

import pytest
import torch

from shards.errors import RecipeError
from tests.train.devices.test_world import go_together
from tests.train.runs import curve, go, run_with_signal, stop_at, weights
from train.errors import TrainError

METHODS = {
    "l2_sp": {"l2_sp": {"strength": 30.0}},
    "l2_sp in the gradient": {"l2_sp": {"strength": 10.0, "at": "gradient"}},
    "ewc": {"ewc": {"strength": 30.0}},
    "ewc in the gradient": {"ewc": {"strength": 10.0, "at": "gradient"}},
    "soft_mask": {"soft_mask": {}},
    "soft_mask in the gradient": {"soft_mask": {"at": "gradient"}},
}
ALL = {"l2_sp": {"strength": 1.0}, "ewc": {"strength": 1.0}, "soft_mask": {"strength": 0.5}}
LEAN = {"precision": "bf16", "save_dtype": "fp32"}
PRECISIONS = {
    "fp32": {},
    "bf16 masters": LEAN,
    "kahan": LEAN | {"optimizer": {"lr": 0.01, "weights": "kahan"}},
    "stochastic 8-bit": LEAN | {"optimizer": {"lr": 0.01, "weights": "stochastic", "kind": "adamw8bit"}},
    "muon": {"optimizer": {"lr": 0.01, "kind": "muon"}},
}


@pytest.fixture
def regularized(write_recipe, held_out):
    """regularized(methods, **changes) writes a recipe of a few steps with these methods."""

    def write(methods, **changes):
        sample = {"sample": str(held_out)} if {"ewc", "soft_mask"} & set(methods) else {}
        return write_recipe(**{"steps": 4, "regularize": methods | sample} | changes)

    return write


def distance(out, base):
    """Mean distance of the trained matrices from the base model's."""
    pairs = [(tensor, base[name]) for name, tensor in weights(out).items() if tensor.ndim >= 2]
    return float(torch.cat([(tensor - other).abs().flatten() for tensor, other in pairs]).mean())


@pytest.fixture
def base_weights(base):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(base).state_dict()


@pytest.mark.parametrize("method", METHODS)
def test_every_method_stays_closer_to_the_base_and_logs_the_same_loss_at_first(write_recipe, regularized, tmp_path, base_weights, method):
    go(write_recipe(steps=4), f"out={tmp_path / 'plain'}")
    go(regularized(METHODS[method]))
    plain, found = curve(tmp_path / "plain"), curve(tmp_path / "run")
    assert found[0]["loss"] == plain[0]["loss"], "the reported loss is that of the data"
    assert found[-1]["loss"] != plain[-1]["loss"]
    if method != "soft_mask in the gradient":
        assert distance(tmp_path / "run", base_weights) < 0.95 * distance(tmp_path / "plain", base_weights)
    name = method.partition(" ")[0]
    if name != "soft_mask":
        assert found[0][name] == 0 and found[1][name] > 0


@pytest.mark.parametrize("method", METHODS)
def test_without_strength_no_bit_changes(write_recipe, regularized, tmp_path, method):
    go(write_recipe(steps=4), f"out={tmp_path / 'plain'}")
    name = method.partition(" ")[0]
    go(regularized({name: METHODS[method][name] | {"strength": 0.0}}))
    found = [{key: value for key, value in record.items() if key != name} for record in curve(tmp_path / "run")]
    assert found == curve(tmp_path / "plain")
    assert all(tensor.equal(weights(tmp_path / "plain")[name]) for name, tensor in weights(tmp_path / "run").items())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_run_that_was_stopped_ends_like_one_that_was_not(regularized, tmp_path, monkeypatch, precision):
    recipe = regularized(ALL, steps=5, **PRECISIONS[precision])
    go(recipe, f"out={tmp_path / 'straight'}")
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        go(recipe)
    go(recipe)
    assert curve(tmp_path / "run") == curve(tmp_path / "straight")
    assert all(tensor.equal(weights(tmp_path / "straight")[key]) for key, tensor in weights(tmp_path / "run").items())


@pytest.mark.slow
def test_a_run_that_was_killed_ends_like_one_that_was_not(regularized, tmp_path):
    recipe = regularized(ALL, steps=6, neftune_alpha=5.0, checkpoint={"every_steps": 2})
    go(recipe, f"out={tmp_path / 'straight'}")
    assert run_with_signal(recipe, 5, signal.SIGKILL).returncode == -signal.SIGKILL
    written = (tmp_path / "run" / "importance" / "facts.json").stat().st_mtime_ns
    go(recipe)
    assert (tmp_path / "run" / "importance" / "facts.json").stat().st_mtime_ns == written, "importances are estimated once"
    assert curve(tmp_path / "run") == curve(tmp_path / "straight")
    assert all(tensor.equal(weights(tmp_path / "straight")[key]) for key, tensor in weights(tmp_path / "run").items())


def test_micro_batches_of_another_size_change_results_only_by_rounding(regularized, tmp_path):
    recipe = regularized(ALL)
    go(recipe)
    go(recipe, f"out={tmp_path / 'small'}", "micro_batch_rows=1")
    assert [record["loss"] for record in curve(tmp_path / "small")] == pytest.approx([record["loss"] for record in curve(tmp_path / "run")], rel=1e-5)


@pytest.mark.parametrize("precision", ["bf16 masters", "kahan", "muon"])
def test_a_sharded_model_is_regularized_like_a_whole_one(regularized, tmp_path, precision):
    recipe = regularized(ALL, steps=3, **PRECISIONS[precision])
    go(recipe, f"out={tmp_path / 'whole'}")
    go(recipe, f"out={tmp_path / 'sharded'}", "sharding.always=true")
    for key in ("loss", "l2_sp", "ewc"):
        whole, sharded = ([record[key] for record in curve(tmp_path / out)] for out in ("whole", "sharded"))
        assert sharded == pytest.approx(whole, rel=0.05 if key != "loss" else 5e-3, abs=1e-6), key


@pytest.mark.slow
@pytest.mark.parametrize("place", ["step", "gradient"])
def test_two_processes_regularize_like_one(regularized, tmp_path, place):
    recipe = regularized({name: settings | {"at": place} for name, settings in ALL.items()})
    go(recipe, f"out={tmp_path / 'one'}")
    go_together(2, recipe, f"out={tmp_path / 'two'}")
    for key in ("loss", "grad_norm", "l2_sp", "ewc"):
        one, two = ([record[key] for record in curve(tmp_path / out)] for out in ("one", "two"))
        assert two == pytest.approx(one, rel=1e-3), key
    for name, tensor in weights(tmp_path / "two").items():
        assert float((tensor - weights(tmp_path / "one")[name]).abs().max()) < 1e-3


def test_only_trained_weights_are_regularized(regularized, tmp_path, base_weights):
    go(regularized(ALL, adapt={"stages": [{"train": ["layers[0]"], "steps": 2}, {"train": ["layers[1]"]}]}))
    changed = {name for name, tensor in weights(tmp_path / "run").items() if not tensor.equal(base_weights[name])}
    assert changed and all(".layers." in name for name in changed)
    assert [record["l2_sp"] for record in curve(tmp_path / "run")][::2] == [0, 0], "each stage begins with weights of the base model"


def test_adapters_have_no_base_to_return_to(regularized):
    with pytest.raises(TrainError, match=r"regularize: adapt\.lora trains new matrices"):
        go(regularized(METHODS["l2_sp"], adapt={"lora": {"rank": 2}}))


def test_importances_need_a_sample(write_recipe):
    with pytest.raises(RecipeError, match="sample: required by ewc and soft_mask"):
        go(write_recipe(regularize={"ewc": {"strength": 1.0}}))
