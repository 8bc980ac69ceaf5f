import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.adapt.models import CPU, LORA, Adapted, logits, network
from train.adapt.adapt import adapt
from train.adapt.recipe import AdaptRecipe


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
