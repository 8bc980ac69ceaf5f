import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.train.adapt.models import LORA, Adapted, logits, network
from train.adapt.lora import adapter_files, add_adapters
from train.adapt.recipe import LoraRecipe
from train.errors import TrainError

pytest.importorskip("peft")

PROGRAM = """
import sys
from tests.train.parts import tiny_network
from train.adapt.lora import add_adapters
from train.adapt.recipe import LoraRecipe
add_adapters(tiny_network(), LoraRecipe(rank=2, targets=["q_proj"]))
assert "bitsandbytes" in sys.modules
from transformers.integrations import hub_kernels
assert not hub_kernels._kernels_enabled
"""


def test_adapters_ask_the_hub_for_no_code_even_where_kernels_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").write_text(
        "import pathlib\ndef get_kernel(*a, **k):\n    pathlib.Path(__file__).with_name('asked').touch()\n    raise OSError('asked for code')\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "kernels" / "asked").exists()
    assert "kernels-community" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["llama", "gpt2", "gpt_neox", "qwen2"])
@pytest.mark.parametrize(
    "lora", [LORA, LORA | {"dora": True}, LORA | {"rank_stabilized": True, "targets": ["down_proj", "c_proj", "dense"]}], ids=["lora", "dora", "rslora"]
)
def test_merged_weights_compute_what_the_adapted_model_does_and_the_base_stays(tmp_path, name, lora):
    trained = Adapted(tmp_path, {"lora": lora}, name)
    assert torch.allclose(trained.at_start, logits(network(name)), atol=1e-5)
    assert all(".lora_" in key for key in trained.masters) and trained.masters
    assert trained.unchanged() == trained.before.keys() - trained.masters.keys()
    assert (logits(trained.network) - trained.at_start).abs().max() > 0.1
    assert torch.allclose(logits(trained.saved(tmp_path)), logits(trained.network), rtol=1e-5, atol=1e-5)


EXPERTS = ["qwen3_moe", "mixtral", "deepseek_v3", "gpt_oss"]


@pytest.mark.parametrize("name", EXPERTS)
@pytest.mark.parametrize("lora", [LORA, LORA | {"rank_stabilized": True}], ids=["all", "some"])
def test_every_part_of_a_mixture_of_experts_is_trained_and_merged(tmp_path, name, lora):
    if lora != LORA:
        lora = lora | {"targets": ["router" if name == "gpt_oss" else "gate", "gate_up_proj", "o_proj"]}
    trained = Adapted(tmp_path, {"lora": lora}, name)
    assert torch.allclose(trained.at_start, logits(network(name)), atol=1e-5)
    assert all(".lora_" in key for key in trained.masters) and trained.unchanged() == trained.before.keys() - trained.masters.keys()
    saved, merged = trained.saved(tmp_path), trained.exported()
    assert torch.allclose(logits(saved), logits(trained.network), rtol=1e-4, atol=1e-4)
    moved = {key for key, tensor in merged.items() if not torch.allclose(tensor, trained.original[key], atol=1e-6)}
    kinds = ["self_attn.o_proj", "experts.gate_up_proj"] + ([] if lora == LORA else ["mlp.router" if name == "gpt_oss" else "mlp.gate."])
    assert all(any(kind in key for key in moved) for kind in kinds)
    assert lora != LORA or not any(".router." in key or ".gate." in key for key in moved)


@pytest.mark.parametrize(
    ("change", "said"), [({"lora": LORA | {"dora": True}}, "no DoRA for experts"), ({"lora": LORA, "quantize": {}}, "no 4-bit form of experts")]
)
def test_what_peft_and_bitsandbytes_lack_for_experts_is_refused(tmp_path, change, said):
    with pytest.raises(TrainError, match=said):
        Adapted(tmp_path, change, "qwen3_moe")


def test_dora_on_the_attention_of_a_mixture_of_experts_is_merged(tmp_path):
    trained = Adapted(tmp_path, {"lora": LORA | {"dora": True, "targets": ["q_proj", "o_proj"]}}, "qwen3_moe")
    assert torch.allclose(logits(trained.saved(tmp_path)), logits(trained.network), rtol=1e-4, atol=1e-4)


def test_half_of_a_fused_expert_changes_by_the_rank_that_was_asked_for(tmp_path):
    trained = Adapted(tmp_path, {"lora": LORA}, "qwen3_moe")
    name = "model.layers.0.mlp.experts.gate_up_proj"
    change = trained.exported()[name] - trained.original[name]
    assert torch.linalg.matrix_rank(change, rtol=1e-4).tolist() == [2 * LORA["rank"]] * 4
    layer = trained.network.get_submodule("model.layers.0.mlp.experts.base_layer")
    assert layer.scaling["default"] == LORA["alpha"] / LORA["rank"]


def test_targets_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(TrainError, match=r"adapt\.lora: Target modules .*q_prog.* not found"):
        Adapted(tmp_path, {"lora": {"targets": ["q_prog"]}})


@pytest.mark.parametrize("merge_into", ["quantized", "original"])
def test_four_bit_weights_stay_and_the_merge_is_what_was_asked_for(tmp_path, merge_into):
    pytest.importorskip("bitsandbytes")
    trained = Adapted(tmp_path, {"lora": LORA, "quantize": {"merge_into": merge_into}})
    frozen = [name for name, parameter in trained.network.named_parameters() if parameter.dtype == torch.uint8]
    assert len(frozen) == 4 * 7 and set(frozen) <= trained.unchanged()
    assert (trained.at_start - logits(network("llama"))).abs().max() > 0
    off = (logits(trained.saved(tmp_path)) - logits(trained.network)).abs().max()
    assert off < 1e-5 if merge_into == "quantized" else off > 0.01
    name = "model.layers.1.mlp.up_proj"
    change = trained.exported()[f"{name}.weight"] - trained.base[f"{name}.weight"]
    product = trained.masters[f"{name}.lora_B.default.weight"] @ trained.masters[f"{name}.lora_A.default.weight"] * 1.5
    assert torch.allclose(change, product, atol=1e-5) == (merge_into == "original")


def test_the_written_configuration_does_not_depend_on_hash_randomisation(tmp_path: Path) -> None:
    model = network("llama")
    add_adapters(model, LoraRecipe(rank=2, targets=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
    state = {name: parameter for name, parameter in model.named_parameters() if "lora_" in name}
    adapter_files(model, state, {}, "base", tmp_path)
    targets = json.loads((tmp_path / "adapter_config.json").read_text())["target_modules"]
    assert len(targets) == 7 and targets == sorted(targets)
