import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.train.adapt.models import network as larger_network
from tests.train.parts import tiny_network
from train.optimize.fused import Fused, fused_parts


@pytest.mark.parametrize("architecture, name", [("gpt2", "transformer.h.0.attn.c_attn"), ("gpt_neox", "gpt_neox.layers.0.attention.query_key_value")])
def test_fused_query_key_value_are_split_as_the_model_splits_them(architecture, name):
    """Each part alone gives the query (key, value) that the whole gives."""
    network = tiny_network(architecture)
    module = network.get_submodule(name)
    fused = fused_parts(network, f"{name}.weight")
    parts = [part[0] for part in fused.split(module.weight)]
    assert fused.join(fused.split(module.weight), module.weight.shape).equal(module.weight)
    hidden = torch.randn(3, 32)
    whole = module(hidden) - module.bias
    if architecture == "gpt2":
        expected = whole.split(32, dim=1)
        found = [hidden @ part for part in parts]
    else:
        heads = network.config.num_attention_heads
        expected = [piece.flatten(1) for piece in whole.view(3, heads, -1).chunk(3, dim=-1)]
        found = [hidden @ part.T for part in parts]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_whole_matrices_have_one_part():
    matrix = torch.randn(6, 4)
    assert fused_parts(nn.Linear(4, 6), "weight") == Fused()
    assert Fused().split(matrix)[0].equal(matrix[None]) and Fused().join([matrix[None]], matrix.shape).equal(matrix)


@pytest.mark.parametrize(
    "architecture, name, sizes",
    [
        ("phi3", "model.layers.0.self_attn.qkv_proj", [32, 16, 16]),
        ("phi3", "model.layers.0.mlp.gate_up_proj", [48, 48]),
        ("deepseek_v3", "model.layers.0.self_attn.kv_a_proj_with_mqa", [16, 8]),
    ],
)
def test_projections_fused_along_rows_are_split_as_the_models_split_their_products(architecture, name, sizes):
    network = larger_network(architecture)
    weight = network.get_submodule(name).weight
    fused, hidden = fused_parts(network, f"{name}.weight"), torch.randn(3, 32)
    found = [hidden @ part[0].T for part in fused.split(weight)]
    for ours, theirs in zip(found, F.linear(hidden, weight).split(sizes, dim=1), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert fused.join(fused.split(weight), weight.shape).equal(weight)
    assert fused.longest_side(weight.shape) == max(32, *sizes)


def test_latent_keys_and_values_are_split_head_by_head():
    network = larger_network("deepseek_v3")
    name = "model.layers.0.self_attn.kv_b_proj.weight"
    weight, latent = network.get_parameter(name), torch.randn(3, 16)
    keys, values = F.linear(latent, weight).view(3, 4, 8 + 16).split([8, 16], dim=-1)
    found = [latent @ part[0].T for part in fused_parts(network, name).split(weight)]
    torch.testing.assert_close(found[0], keys.flatten(1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1], values.flatten(1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "fused, shape",
    [
        (Fused((1, 1), along_columns=True), (3, 5, 8)),
        (Fused((4, 4), along_columns=True), (3, 5, 8)),
        (Fused((4, 2), along_columns=False), (3, 12, 5)),
        (Fused(), (3, 4, 5)),
        (Fused((4, 4)), (0, 8, 5)),
    ],
)
def test_joining_is_the_inverse_of_splitting(fused, shape):
    parameter = torch.randn(shape)
    assert fused.join(fused.split(parameter), parameter.shape).equal(parameter)
    assert fused.longest_side(parameter.shape) == max(max(part.shape[1:]) for part in fused.split(parameter))


def test_transposed_experts_that_are_not_interleaved_are_split_in_halves():
    """As in Llama 4."""
    experts = nn.Module()
    experts.gate_up_proj, experts.down_proj = nn.Parameter(torch.zeros(2, 6, 8)), nn.Parameter(torch.zeros(2, 4, 6))
    network = nn.ModuleDict({"experts": experts})
    assert fused_parts(network, "experts.gate_up_proj") == Fused((4, 4), along_columns=True)
    assert fused_parts(network, "experts.down_proj") == Fused()
