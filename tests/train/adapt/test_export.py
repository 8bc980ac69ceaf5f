import copy

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.adapt.models import network
from train.adapt.adapt import adapt
from train.adapt.export import PlainWeights, write_adapter
from train.adapt.recipe import AdaptRecipe
from train.errors import TrainError
from train.merge.tensors import StoredWeights

IDS = torch.randint(2, 90, (2, 17), generator=torch.Generator().manual_seed(0))
CPU = torch.device("cpu")


@torch.no_grad()
def logits(model):
    return model(IDS, use_cache=False).logits


class Adapted:
    """A model in a folder, adapted, and trained for a few steps on all that the recipe trains."""

    def __init__(self, folder, recipe, name="llama"):
        network(name).save_pretrained(folder)
        self.folder, self.base = folder, StoredWeights(folder)
        self.network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        torch.manual_seed(1)
        self.adaptation = adapt(self.network, AdaptRecipe.model_validate(recipe), torch.float32, CPU)
        self.before = {name: parameter.detach().clone() for name, parameter in self.network.named_parameters()}
        self.masters = {name: parameter for name, parameter in self.network.named_parameters() if parameter.requires_grad}
        self.at_start = logits(self.network)
        optimizer = torch.optim.AdamW(self.masters.values(), lr=0.02)
        for _ in range(4):
            self.network(IDS, labels=IDS, use_cache=False).loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    def exported(self):
        return dict(PlainWeights(self.network, self.adaptation, self.masters, self.folder))

    def saved(self, folder):
        plain = AutoModelForCausalLM.from_config(copy.deepcopy(self.network.config), dtype=torch.float32).eval()
        missing, unexpected = plain.load_state_dict(self.exported(), strict=False)
        assert not unexpected and set(missing) <= {"lm_head.weight"}
        assert {key for key, _ in self.adaptation.plain.named_parameters()} == {key for key, _ in plain.named_parameters()}
        return plain

    def unchanged(self):
        return {name for name, parameter in self.network.named_parameters() if parameter.equal(self.before[name])}


LORA = {"rank": 4, "alpha": 6.0}


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


def test_adapters_can_go_into_an_expanded_model(tmp_path):
    trained = Adapted(tmp_path, {"expand": {"blocks": 2}, "lora": LORA})
    assert {".lora_" in name for name in trained.masters} == {True, False}
    assert torch.allclose(logits(trained.saved(tmp_path)), logits(trained.network), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("recipe", [{"expand": {"blocks": 2}, "lora": LORA}, {"lora": LORA | {"dora": True}, "train": ["adapters", "norms"]}])
def test_a_meta_model_is_adapted_to_the_same_names_shapes_and_gradients(tmp_path, recipe):
    real = Adapted(tmp_path, recipe)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(network("llama").config)
    adaptation = adapt(model, AdaptRecipe.model_validate(recipe), torch.float32, CPU)
    described = lambda one: {name: (p.shape, p.requires_grad) for name, p in one.named_parameters()}  # noqa: E731
    assert described(model) == described(real.network)
    assert (adaptation.trained, adaptation.origins) == (real.adaptation.trained, real.adaptation.origins)


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
