import pytest
import torch
from torch import nn

from tests.train.optimize.networks import ids_of, loss_of, take_steps, tiny
from tests.train.parts import tiny_network
from train.optimize.muon import Fused, fused_parts, hidden_matrices, orthogonalize, rows_of_rank
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights


@pytest.mark.parametrize("shape", [(12, 40), (40, 12), (16, 16)])
def test_orthogonalizing_keeps_singular_vectors_and_brings_singular_values_near_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalize(matrix[None])[0].float()
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.5 and values.max() < 1.3
    cosine = (found * (left @ right)).sum() / found.norm() / (left @ right).norm()
    assert cosine > 0.98


def test_zeros_stay_zeros():
    assert orthogonalize(torch.zeros(2, 4, 6)).equal(torch.zeros(2, 4, 6, dtype=torch.bfloat16))


def test_hidden_matrices_get_torchs_muon_and_the_rest_gets_adamw():
    ours, peer = tiny(), tiny()
    settings = OptimizerRecipe(kind="muon", weight_decay=0.2, clip=None)
    weights = TrainedWeights(ours, torch.float32, settings)
    hidden = [peer.up.weight, peer.down.weight]
    others = [parameter for parameter in peer.parameters() if all(parameter is not one for one in hidden)]
    muon = torch.optim.Muon(hidden, weight_decay=0.2, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    matrices, vectors = [p for p in others if p.ndim == 2], [p for p in others if p.ndim == 1]
    adamw = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.2}, {"params": vectors, "weight_decay": 0.0}], betas=settings.betas)
    for step in range(5):
        take_steps(ours, weights, [step], lr=0.01)
        loss_of(peer, ids_of(step)).backward()
        for optimizer in (muon, adamw):
            for group in optimizer.param_groups:
                group["lr"] = 0.01
            optimizer.step()
            optimizer.zero_grad()
    for (name, ours_one), peers in zip(ours.named_parameters(), peer.parameters(), strict=True):
        torch.testing.assert_close(ours_one, peers, rtol=2e-3, atol=2e-3 * 0.01, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize(
    "architecture, expected",
    [
        ("llama", {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}),
        ("gpt2", {"c_attn", "c_proj", "c_fc"}),
        ("gpt_neox", {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"}),
    ],
)
def test_embeddings_heads_norms_and_biases_are_not_muons(architecture, expected):
    names = hidden_matrices(tiny_network(architecture))
    assert {name.split(".")[-2] for name in names} == expected
    assert all(name.endswith(".weight") for name in names)


def test_frozen_matrices_are_not_muons():
    network = tiny()
    network.up.weight.requires_grad_(False)
    assert hidden_matrices(network) == ["down.weight"]


@pytest.mark.parametrize("architecture, name", [("gpt2", "transformer.h.0.attn.c_attn"), ("gpt_neox", "gpt_neox.layers.0.attention.query_key_value")])
def test_fused_query_key_value_are_split_as_the_model_splits_them(architecture, name):
    """Each part alone gives the query (key, value) that the whole gives."""
    network = tiny_network(architecture)
    module = network.get_submodule(name)
    fused = fused_parts(network, f"{name}.weight")
    parts = fused.split(module.weight)
    assert fused.join(parts).equal(module.weight)
    assert tuple(parts.shape[1:]) == fused.part_shape(module.weight.shape)
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


def test_parts_are_made_orthogonal_each_for_itself():
    network = tiny_network("gpt_neox")
    weights = TrainedWeights(network, torch.float32, OptimizerRecipe(kind="muon", weight_decay=0.0))
    name = "gpt_neox.layers.0.attention.query_key_value.weight"
    before = weights.masters[name].detach().clone()
    gradient = torch.randn(before.shape, generator=torch.Generator().manual_seed(1))
    weights.masters[name].grad = gradient.clone()
    weights.step(0.1, torch.tensor(1.0))
    change = fused_parts(network, name).split((before - weights.masters[name].detach()) / 0.1)
    for part in change:
        values = torch.linalg.svdvals(part) / (0.2 * 32**0.5)
        assert values.min() > 0.5 and values.max() < 1.3


def test_whole_matrices_have_one_part():
    matrix = torch.randn(6, 4)
    assert fused_parts(nn.Linear(4, 6), "weight") == Fused()
    assert Fused().split(matrix).equal(matrix[None]) and Fused().join(matrix[None]).equal(matrix)


@pytest.mark.parametrize("n_rows, world", [(7, 3), (2, 4), (8, 2), (5, 5)])
def test_ranks_have_the_rows_that_torch_chunks(n_rows, world):
    chunks = [len(chunk) for chunk in torch.arange(n_rows).chunk(world)]
    assert [rows_of_rank(n_rows, rank, world) for rank in range(world)] == chunks + [0] * (world - len(chunks))
