"""Runs that train only a part of the model, from recipe to saved model."""

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from tests.train.adapt.models import network
from tests.train.devices.test_world import approximately, go_together, losses
from tests.train.parts import write_tokenizer
from tests.train.runs import curve, go, stop_at
from train.errors import TrainError

LORA = {"lora": {"rank": 4}}
STAGES = {"stages": [{"train": ["embeddings"], "steps": 3}, {"train": ["all"]}]}
KINDS = {
    "dora and embeddings": {"lora": {"rank": 4, "dora": True}, "train": ["adapters", "embeddings"]},
    "expand": {"expand": {"blocks": 2}},
    "stages": STAGES,
    "embeddings, then lora": {"lora": {"rank": 4}, "stages": [{"train": ["embeddings"], "share": 0.5}, {"train": ["adapters"]}]},
    "4 bits": LORA | {"quantize": {}},
}


def stored(out):
    return load_file(out / "model" / "model.safetensors")


def all_alike(found, expected):
    return found.keys() == expected.keys() and all(tensor.equal(expected[name]) for name, tensor in found.items())


@pytest.mark.parametrize("kind", ["dora and embeddings", "expand", "embeddings, then lora", "4 bits"])
def test_a_stopped_run_ends_like_one_that_was_not_and_saves_a_plain_model(write_recipe, tmp_path, monkeypatch, kind):
    if kind == "4 bits":
        pytest.importorskip("bitsandbytes")
    recipe = write_recipe(steps=4, adapt=KINDS[kind], checkpoint={"every_steps": 2})
    go(recipe, f"out={tmp_path / 'straight'}")
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        go(recipe)
    go(recipe)
    assert curve(tmp_path / "run") == curve(tmp_path / "straight")
    assert all_alike(stored(tmp_path / "run"), stored(tmp_path / "straight"))
    records = curve(tmp_path / "run")
    assert records[-1]["loss"] < records[0]["loss"]
    _, info = AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "model", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert (tmp_path / "run" / "adapter" / "adapter_config.json").exists() == ("lora" in KINDS[kind])


@pytest.mark.parametrize("name", ["qwen3_moe", "mixtral", "deepseek_v3", "gpt_oss"])
def test_adapters_of_a_mixture_of_experts_are_trained_saved_resumed_and_saved_again(write_recipe, tmp_path, monkeypatch, name):
    network(name).save_pretrained(tmp_path / "base")
    recipe = write_recipe(model=str(write_tokenizer(tmp_path / "base")), steps=4, adapt=LORA, checkpoint={"every_steps": 2})
    go(recipe, f"out={tmp_path / 'straight'}")
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        go(recipe)
    go(recipe)
    before, after = load_file(tmp_path / "base" / "model.safetensors"), stored(tmp_path / "run")
    assert all_alike(after, stored(tmp_path / "straight"))
    assert {key: tensor.shape for key, tensor in after.items()} == {key: tensor.shape for key, tensor in before.items()}
    moved = {key for key, tensor in after.items() if not tensor.equal(before[key])}
    experts = {key for key in before if ".experts." in key and "bias" not in key}
    assert experts and experts <= moved and not any("norm" in key or "router" in key or key.endswith("gate.weight") for key in moved)


@pytest.mark.parametrize("name", ["qwen3_moe", "deepseek_v3"])
def test_adapters_of_a_sharded_mixture_of_experts_are_saved_like_those_of_a_whole_one(write_recipe, tmp_path, name):
    network(name).save_pretrained(tmp_path / "base")
    recipe = write_recipe(model=str(write_tokenizer(tmp_path / "base")), steps=3, adapt=LORA, checkpoint={"every_steps": 2})
    go(recipe, f"out={tmp_path / 'whole'}")
    go(recipe, f"out={tmp_path / 'sharded'}", "sharding.always=true")
    assert losses(tmp_path / "sharded") == approximately(losses(tmp_path / "whole"))
    assert stored(tmp_path / "sharded").keys() == stored(tmp_path / "whole").keys()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_frozen_is_saved_bit_for_bit_and_what_is_trained_moves(write_recipe, tmp_path, base, precision):
    go(write_recipe(steps=3, precision=precision, adapt={"train": ["layers[-1]"]}))
    before, after = load_file(base / "model.safetensors"), stored(tmp_path / "run")
    moved = {name for name, tensor in after.items() if not tensor.equal(before[name])}
    assert moved == {name for name in before if name.startswith("model.layers.1.")}


def test_in_the_first_stage_only_the_embeddings_move_and_then_all_do(write_recipe, tmp_path, base):
    go(write_recipe(steps=6, adapt=STAGES, checkpoint={"every_steps": 3}))
    before = load_file(base / "model.safetensors")
    first, after = load_file(tmp_path / "run" / "checkpoints" / "step-000003" / "model.safetensors"), stored(tmp_path / "run")
    assert {name for name, tensor in first.items() if not tensor.equal(before[name])} == {"model.embed_tokens.weight"}
    assert all(not tensor.equal(first[name]) for name, tensor in after.items())


def test_an_adapter_by_itself_gives_the_saved_model(write_recipe, tmp_path, base):
    from peft import PeftModel

    go(write_recipe(steps=3, adapt=KINDS["dora and embeddings"]))
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "run" / "adapter").eval()
    assert json.loads((tmp_path / "run" / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)
    ids = torch.tensor([[2, 5, 8, 11]])
    with torch.no_grad():
        assert torch.allclose(loaded(ids).logits, AutoModelForCausalLM.from_pretrained(tmp_path / "run" / "model")(ids).logits, atol=1e-5)


@pytest.mark.parametrize(("kind", "precision"), [("dora and embeddings", "fp32"), ("stages", "fp32"), ("expand", "bf16")])
def test_a_sharded_model_is_adapted_like_a_whole_one(write_recipe, tmp_path, kind, precision):
    recipe = write_recipe(steps=4, adapt=KINDS[kind], precision=precision, checkpoint={"every_steps": None})
    go(recipe, f"out={tmp_path / 'whole'}")
    go(recipe, f"out={tmp_path / 'sharded'}", "sharding.always=true")
    assert losses(tmp_path / "sharded") == approximately(losses(tmp_path / "whole"), rel=2e-5 if precision == "fp32" else 1e-2)
    assert stored(tmp_path / "sharded").keys() == stored(tmp_path / "whole").keys()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dora and embeddings", "stages"])
def test_two_processes_adapt_like_one(write_recipe, tmp_path, kind):
    recipe = write_recipe(steps=5, adapt=KINDS[kind])
    go(recipe, f"out={tmp_path / 'one'}")
    go_together(2, recipe, f"out={tmp_path / 'two'}")
    assert losses(tmp_path / "two") == approximately(losses(tmp_path / "one"))
    for name, tensor in stored(tmp_path / "two").items():
        assert torch.allclose(tensor, stored(tmp_path / "one")[name], atol=1e-3)


def test_stages_that_do_not_fit_and_4_bits_in_a_sharded_model_are_refused(write_recipe):
    with pytest.raises(TrainError, match="the stages before the last take 3 steps, the run has 3"):
        go(write_recipe(steps=3, adapt=STAGES))
    pytest.importorskip("bitsandbytes")
    with pytest.raises(TrainError, match="4-bit weights cannot be sharded"):
        go(write_recipe(steps=3, adapt=KINDS["4 bits"], sharding={"always": True}))
