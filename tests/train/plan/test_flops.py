import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, LlamaConfig

from tests.train.parts import CONFIGS, tiny_network
from train.plan.flops import ModelFlops, model_flops, visible_pairs

LLAMA_1B = LlamaConfig(
    vocab_size=128256, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8, head_dim=64,
    tie_word_embeddings=True,
)  # fmt: skip


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


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "gpt2", "gpt_neox"])
def test_full_flops_are_those_that_torch_counts(architecture):
    """torch counts every matrix product that runs; plain attention runs over the whole square."""
    network, ids = tiny_network(architecture), torch.randint(0, 90, (2, 48))
    network.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter:
        network(ids).logits.sum().backward()
    assert model_flops(network).full(96, 48) == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_frozen_weights_cost_two_thirds():
    network = tiny_network()
    whole = model_flops(network).per_weight
    network.requires_grad_(False)
    assert model_flops(network).per_weight == pytest.approx(whole * 4 / 6)


def test_windows_are_read_from_the_configuration():
    assert set(model_flops(tiny_network("mistral")).windows) == {CONFIGS["mistral"].sliding_window}
    assert set(model_flops(tiny_network("qwen2")).windows) == {None}
    assert ModelFlops(0, (None, 2), 1).causal(np.array([4])) == 12 * (10 + 7)
