import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, DeepseekV3Config, LlamaConfig, Qwen3NextConfig

from tests.train.adapt.models import MORE, network
from tests.train.parts import CONFIGS, tiny_network
from train.plan.flops import AttentionLayer, ModelFlops, model_flops, visible_pairs

LLAMA_1B = LlamaConfig(
    vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8, head_dim=64,
    tie_word_embeddings=True,
)  # fmt: skip

MIXTURES = ("qwen3_moe", "mixtral", "gpt_oss", "deepseek_v3")


@pytest.mark.parametrize("window", [None, 1, 3, 50])
def test_pairs_are_those_that_a_causal_mask_leaves(window):
    lengths = np.array([1, 2, 7, 0, 12])
    slow = sum(1 for length in lengths for query in range(length) for key in range(length) if key <= query and (window is None or query - key < window))
    assert visible_pairs(lengths, window) == slow


def test_a_llama_of_one_billion_costs_what_is_published_for_it():
    with torch.device("meta"):
        flops = model_flops(AutoModelForCausalLM.from_config(LLAMA_1B))
    assert flops.per_weight / 6 == pytest.approx(1.2358e9, rel=1e-3)
    assert flops.full(1, 4096) / 1e9 == pytest.approx(9.03, rel=2e-3)
    assert flops.causal(np.array([4096])) / 4096 / 1e9 == pytest.approx(8.22, rel=2e-3)


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gpt2", "gpt_neox", *MORE])
def test_full_flops_are_those_that_torch_counts(architecture):
    """torch counts every matrix product that runs; plain attention runs over the whole square, and each token's experts run for it alone."""
    model, ids = network(architecture), torch.randint(2, 90, (2, 48))
    model.set_attn_implementation("eager")
    if architecture in MIXTURES:
        model.set_experts_implementation("eager")
    with FlopCounterMode(display=False) as counter:
        model(ids, use_cache=False).logits.sum().backward()
    assert model_flops(model).full(96, 48) == pytest.approx(counter.get_total_flops(), rel=0.01)


@pytest.mark.skipif("gemma4_text" not in CONFIG_MAPPING, reason="this version of transformers has no Gemma 4")
def test_layers_may_have_heads_of_their_own_size():
    sizes = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2}
    kinds = {"layer_types": ["sliding_attention", "full_attention"] * 2, "sliding_window": 8, "head_dim": 8, "global_head_dim": 16, "num_kv_shared_layers": 2}
    by_layer = {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 97}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("gemma4_text", **sizes, **kinds, **by_layer), dtype=torch.float32)
    assert model_flops(model).layers == ((8, 4 * 16), (None, 4 * 32)) * 2
    model.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter:
        model(torch.randint(2, 90, (2, 48)), use_cache=False).logits.sum().backward()
    assert model_flops(model).full(96, 48) == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_a_deepseek_v3_has_the_active_weights_and_the_attention_that_are_published_for_it():
    """37 billion active parameters (arXiv 2412.19437), 0.93 of them input embeddings; attention of 128 heads with queries of 192 and values of 128."""
    config = DeepseekV3Config()
    with torch.device("meta"):
        flops = model_flops(AutoModelForCausalLM.from_config(config))
    assert flops.per_weight / 6 + config.vocab_size * config.hidden_size == pytest.approx(37.5e9, rel=0.02)
    assert set(flops.layers) == {(None, 128 * (192 + 128))} and len(flops.layers) == 61


def test_layers_without_attention_have_no_pairs():
    config = Qwen3NextConfig(
        vocab_size=99, hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
        linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=8, linear_value_head_dim=8, num_experts=4, num_experts_per_tok=2,
        moe_intermediate_size=24, shared_expert_intermediate_size=24,
    )  # fmt: skip
    with torch.device("meta"):
        flops = model_flops(AutoModelForCausalLM.from_config(config))
    assert flops.layers == ((None, 4 * 16),)


def test_frozen_weights_cost_two_thirds():
    model = tiny_network()
    whole = model_flops(model).per_weight
    model.requires_grad_(False)
    assert model_flops(model).per_weight == pytest.approx(whole * 4 / 6)


def test_windows_are_read_from_the_configuration():
    assert {layer.window for layer in model_flops(tiny_network("mistral")).layers} == {CONFIGS["mistral"].sliding_window}
    assert {layer.window for layer in model_flops(tiny_network("qwen2")).layers} == {None}
    assert ModelFlops(0, (AttentionLayer(None, 2), AttentionLayer(2, 2))).causal(np.array([4])) == 12 * (10 + 7)
