import json

import pytest
import torch
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from tests.train.adapt.models import LORA, Adapted, logits, network
from train.adapt.export import write_adapter
from train.adapt.parts import decoder_layers, select
from train.cli import app


@pytest.mark.parametrize(("name", "train"), [("llama", None), ("llama", ["adapters", "embeddings", "head"]), ("qwen2", ["adapters", "embeddings", "head"])])
def test_peft_loads_the_adapter_onto_the_base_model(tmp_path, name, train):
    from peft import PeftModel

    trained = Adapted(tmp_path / "base", {"lora": LORA | {"dora": True}} | ({"train": train} if train else {}), name)
    (tmp_path / "adapter").mkdir()
    write_adapter(trained.network, trained.masters, "some/base", tmp_path / "adapter")
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tmp_path / "base", dtype=torch.float32), tmp_path / "adapter").eval()
    assert torch.allclose(logits(loaded), logits(trained.network), rtol=1e-5, atol=1e-5)
    assert torch.allclose(logits(loaded.merge_and_unload()), logits(trained.saved(tmp_path)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["llama", "gpt_neox"])
def test_frozen_tensors_are_saved_as_they_were_stored_even_if_the_forward_pass_ran_in_bfloat16(tmp_path, name):
    trained = Adapted(tmp_path, {"expand": {"blocks": 1}}, name)
    trained.masters = {key: tensor.detach().clone() for key, tensor in trained.masters.items()}
    trained.network.to(torch.bfloat16)
    before, exported = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).state_dict(), trained.exported()
    for key, tensor in exported.items():
        assert tensor.equal(trained.masters[key] if key in trained.masters else before[trained.adaptation.original_name(key)]), key
    assert exported.keys() - trained.masters.keys() == before.keys() - {"lm_head.weight" if name == "llama" else None}


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma3"])
def test_after_steps_only_new_blocks_differ_and_old_layers_keep_their_stored_values(tmp_path, name):
    trained = Adapted(tmp_path, {"expand": {"blocks": 2}}, name)
    assert (trained.at_start - logits(network(name))).abs().max() == 0
    assert (logits(trained.network) - trained.at_start).abs().max() > 0.01
    assert trained.unchanged() == trained.before.keys() - trained.masters.keys()
    assert logits(trained.saved(tmp_path)).equal(logits(trained.network))


def test_the_command_writes_a_larger_model_with_tensors_as_they_were_stored(tmp_path):
    network("qwen3").to(torch.bfloat16).save_pretrained(tmp_path / "base")
    result = CliRunner().invoke(app, ["expand", str(tmp_path / "base"), "--blocks", "2", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output or result.exception
    assert 'adapt: {train: ["layers[2]", "layers[5]"]}' in result.output
    before, after = (AutoModelForCausalLM.from_pretrained(tmp_path / name, dtype="auto").eval() for name in ("base", "out"))
    assert after.dtype == torch.bfloat16 and len(decoder_layers(after)) == 6
    assert (logits(after) - logits(before)).abs().max() == 0
    select(after, ["layers[2]", "layers[5]"])
    settings = json.loads((tmp_path / "out" / "config.json").read_text())
    assert settings["torch_dtype"] == settings["dtype"] == "bfloat16" and settings["rope_theta"] == 10_000.0
