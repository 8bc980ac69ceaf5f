import pytest
import torch
from torch import nn

from tests.train.adapt.models import network
from tests.train.optimize.networks import ids_of, loss_of, take_steps, tiny
from tests.train.parts import tiny_network
from train.optimize.fused import fused_parts
from train.optimize.muon import hidden_matrices, orthogonalize, rows_of_rank
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
    small = tiny()
    small.up.weight.requires_grad_(False)
    assert hidden_matrices(small) == ["down.weight"]


ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
LATENT = {"q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"}
EXPERTS = {"gate_up_proj", "down_proj"}


@pytest.mark.parametrize(
    "architecture, expected",
    [
        ("qwen3_moe", ATTENTION | EXPERTS),
        ("mixtral", ATTENTION | EXPERTS),
        ("gpt_oss", ATTENTION | EXPERTS),
        ("deepseek_v3", LATENT | EXPERTS | {"gate_proj", "up_proj"}),  # the first layer is dense, and each mixture has a shared expert
    ],
)
def test_muon_trains_experts_and_attention_but_neither_routers_nor_biases(architecture, expected):
    model = network(architecture)
    names = hidden_matrices(model)
    assert {name.removesuffix(".weight").rpartition(".")[2] for name in names} == expected
    body = {name: parameter for name, parameter in model.model.layers.named_parameters() if parameter.ndim >= 2 and "bias" not in name}
    left = {name for name in body if f"model.layers.{name}" not in names}
    assert {name.removesuffix(".weight").rpartition(".")[2] for name in left} == {"router" if architecture == "gpt_oss" else "gate"}


@pytest.mark.parametrize("architecture", ["qwen3_moe", "mixtral", "deepseek_v3", "gpt_oss"])
def test_each_expert_is_made_orthogonal_for_itself_and_so_are_its_gate_and_up_projections(architecture):
    model = network(architecture)
    name = next(name for name in hidden_matrices(model) if name.endswith("gate_up_proj"))
    weights = TrainedWeights(model, torch.float32, OptimizerRecipe(kind="muon", weight_decay=0.0, clip=None))
    before = weights.masters[name].detach().clone()
    gradient = torch.randn(before.shape, generator=torch.Generator().manual_seed(1))
    gradient *= torch.tensor([1.0, 100.0, 0.01, 0.0])[:, None, None]  # the scale of one expert must not matter to another
    weights.masters[name].grad = gradient.clone()
    weights.step(0.1, torch.tensor(1.0))
    change = (before - weights.masters[name].detach()) / 0.1
    assert change[3].count_nonzero() == 0
    for expert in range(3):
        gate, up = gate_and_up(architecture, change[expert])
        for part in (gate, up):
            values = torch.linalg.svdvals(part) / (0.2 * max(part.shape) ** 0.5)
            assert part.shape in ((24, 32), (48, 32)) and values.min() > 0.5 and values.max() < 1.3


def test_experts_in_slices_get_the_update_of_all_at_once(monkeypatch):
    """Slices keep float32 copies small."""
    found = []
    for size in (1 << 24, 2 * 48 * 32):
        monkeypatch.setattr("train.optimize.rounding._SLICE", size)
        model = network("qwen3_moe")
        weights = TrainedWeights(model, torch.float32, OptimizerRecipe(kind="muon"))
        name = next(name for name in hidden_matrices(model) if name.endswith("gate_up_proj"))
        for step in range(2):
            weights.masters[name].grad = torch.randn(4, 48, 32, generator=torch.Generator().manual_seed(step))
            weights.step(0.1, torch.tensor(1.0))
        found.append(weights.masters[name].detach().clone())
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-5)


def gate_and_up(architecture, matrix):
    """The projections (I, D) as the model's own forward pass divides its product."""
    if architecture == "gpt_oss":
        return matrix[:, ::2].T, matrix[:, 1::2].T
    return matrix.chunk(2, dim=0)


def test_adapters_of_experts_are_not_muons():
    adapted = Adapter()
    assert hidden_matrices(adapted) == ["q_proj.lora_A.weight"]


class Adapter(nn.Module):
    """Names as peft gives them."""

    def __init__(self):
        super().__init__()
        self.q_proj, self.experts, self.gate = (nn.ModuleDict({"lora_A": nn.Linear(4, 2, bias=False)}) for _ in range(3))


def test_parts_are_made_orthogonal_each_for_itself():
    model = tiny_network("gpt_neox")
    weights = TrainedWeights(model, torch.float32, OptimizerRecipe(kind="muon", weight_decay=0.0))
    name = "gpt_neox.layers.0.attention.query_key_value.weight"
    before = weights.masters[name].detach().clone()
    gradient = torch.randn(before.shape, generator=torch.Generator().manual_seed(1))
    weights.masters[name].grad = gradient.clone()
    weights.step(0.1, torch.tensor(1.0))
    change = fused_parts(model, name).split((before - weights.masters[name].detach()) / 0.1)
    for part in change:
        values = torch.linalg.svdvals(part[0]) / (0.2 * 32**0.5)
        assert values.min() > 0.5 and values.max() < 1.3


@pytest.mark.parametrize("n_rows, world", [(7, 3), (2, 4), (8, 2), (5, 5)])
def test_ranks_have_the_rows_that_torch_chunks(n_rows, world):
    chunks = [len(chunk) for chunk in torch.arange(n_rows).chunk(world)]
    assert [rows_of_rank(n_rows, rank, world) for rank in range(world)] == chunks + [0] * (world - len(chunks))
