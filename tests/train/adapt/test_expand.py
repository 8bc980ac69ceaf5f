import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.adapt.models import MORE, network
from tests.train.parts import CONFIGS
from train.adapt.expand import block_origins, expand_blocks
from train.adapt.parts import decoder_layers
from train.errors import TrainError

IDS = torch.randint(2, 90, (2, 17), generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def logits(model, **options):
    return model(IDS, **options).logits


DENSE = [name for name, settings in MORE.items() if "num_experts" not in settings]


@pytest.mark.parametrize(("name", "n_blocks"), [*((name, 2) for name in [*CONFIGS, *DENSE]), ("llama", 1), ("gemma3", 4), ("gpt2", 3)])
def test_an_expanded_model_computes_exactly_what_the_model_did(name, n_blocks, tmp_path):
    model = network(name)
    before, cached = logits(model, use_cache=False), logits(model, use_cache=True)
    new = expand_blocks(model, n_blocks)
    assert len(new) == n_blocks and len(decoder_layers(model)) == model.config.num_hidden_layers == 4 + n_blocks
    assert (logits(model, use_cache=False) - before).abs().max() == 0
    assert {id(module.config) for layer in decoder_layers(model) for module in layer.modules() if hasattr(module, "config")} <= {id(model.config)}
    assert (logits(model, use_cache=True) - cached).abs().max() == 0
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    assert (logits(loaded, use_cache=False) - before).abs().max() == 0


@pytest.mark.parametrize("name", ["llama", "gpt2", "gpt_neox", "gemma2", "gemma3", "olmo2"])
def test_new_blocks_wake_up_by_gradients_of_sane_size(name):
    model = network(name)
    new = expand_blocks(model, 2)
    losses = []
    for _ in range(3):
        model.zero_grad()
        loss = model(IDS, labels=IDS).loss
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for number, layer in enumerate(decoder_layers(model)):
                if number in new:
                    for parameter in layer.parameters():
                        parameter -= 0.05 * parameter.grad
    norms = {name: float(p.grad.norm()) for number in new for name, p in decoder_layers(model)[number].named_parameters()}
    assert losses[2] < losses[0]
    assert all(norm > 0 for norm in norms.values()), norms
    others = max(float(p.grad.norm()) for number, layer in enumerate(decoder_layers(model)) if number not in new for p in layer.parameters())
    assert max(norms.values()) < 50 * others


def test_copies_stand_where_llama_pro_puts_them_and_evenly_elsewhere():
    assert block_origins(32, 8) == [layer for group in range(8) for layer in [*range(4 * group, 4 * group + 4), 4 * group + 3]]
    assert block_origins(4, 1) == [0, 1, 2, 3, 3]
    assert block_origins(5, 2) == [0, 1, 2, 2, 3, 4, 4]
    assert block_origins(3, 0) == [0, 1, 2]


def test_settings_of_single_layers_go_with_their_layers():
    model = network("smollm3")
    expand_blocks(model, 2)
    assert model.config.no_rope_layers == [1, 0, 0, 1, 1, 1]
    model = network("gemma2")
    expand_blocks(model, 4)
    assert model.config.layer_types == ["sliding_attention"] * 2 + ["full_attention"] * 2 + ["sliding_attention"] * 2 + ["full_attention"] * 2
    assert [layer.self_attn.layer_idx for layer in decoder_layers(model)] == list(range(8))
    assert [layer.self_attn.sliding_window is not None for layer in decoder_layers(model)] == [kind == "sliding_attention" for kind in model.config.layer_types]


def test_a_meta_model_expands_to_the_same_names_and_shapes():
    real = network("llama")
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(network("llama").config)
    assert expand_blocks(model, 2) == expand_blocks(real, 2)
    assert {name: tensor.shape for name, tensor in model.state_dict().items()} == {name: tensor.shape for name, tensor in real.state_dict().items()}
    assert all(parameter.is_meta for parameter in model.parameters())


def test_what_cannot_be_expanded_is_refused():
    with pytest.raises(TrainError, match="5 blocks, but the model has 4 layers"):
        expand_blocks(network("llama"), 5)
    model = network("gpt2")
    model.config.scale_attn_by_inverse_layer_idx = True
    with pytest.raises(TrainError, match="scale_attn_by_inverse_layer_idx"):
        expand_blocks(model, 1)
    model.config.model_type = "bloom"
    with pytest.raises(TrainError, match="bloom: its layers cannot be made silent"):
        expand_blocks(model, 1)
