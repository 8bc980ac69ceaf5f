import pytest
import torch

from tests.train.adapt.models import network
from train.adapt.targets import expert_targets, has_experts
from train.errors import TrainError

ATTENTION = ["self_attn.k_proj", "self_attn.o_proj", "self_attn.q_proj", "self_attn.v_proj"]
BOTH = ["mlp.experts.down_proj", "mlp.experts.gate_up_proj"]
SHARED = [f"mlp.shared_experts.{name}_proj.weight" for name in ("down", "gate", "up")]
LATENT = [f"self_attn.{name}" for name in ("kv_a_proj_with_mqa", "kv_b_proj", "o_proj", "q_a_proj", "q_b_proj")]


def test_dense_models_and_convolutions_have_no_experts():
    assert not has_experts(network("llama")) and not has_experts(network("gpt2"))
    layer = torch.nn.ModuleList([torch.nn.ModuleDict({"conv": torch.nn.Conv1d(2, 2, 3)})])
    assert not has_experts(torch.nn.ModuleDict({"layers": layer}))


@pytest.mark.parametrize(
    ("name", "modules", "parameters"),
    [
        ("qwen3_moe", ATTENTION, BOTH),
        ("mixtral", ATTENTION, BOTH),
        ("gpt_oss", ATTENTION, BOTH),
        ("deepseek_v3", LATENT, sorted([*BOTH, *SHARED, *(f"mlp.{part}_proj.weight" for part in ("gate", "up", "down"))])),
    ],
)
def test_all_linear_layers_are_attention_and_experts_but_no_router(name, modules, parameters):
    assert expert_targets(network(name), "all-linear") == (modules, parameters)


@pytest.mark.parametrize(
    ("name", "targets", "modules", "parameters"),
    [
        ("qwen3_moe", ["q_proj", "v_proj"], ["self_attn.q_proj", "self_attn.v_proj"], []),
        ("qwen3_moe", ["gate"], [], ["mlp.gate.weight"]),
        ("qwen3_moe", ["gate_proj", "up_proj"], [], ["mlp.experts.gate_up_proj"]),
        ("qwen3_moe", ["experts.down_proj"], [], ["mlp.experts.down_proj"]),
        ("mixtral", ["w2"], [], ["mlp.experts.down_proj"]),
        ("mixtral", ["w1", "w3", "q_proj"], ["self_attn.q_proj"], ["mlp.experts.gate_up_proj"]),
        ("gpt_oss", ["router", "gate_up_proj"], [], ["mlp.experts.gate_up_proj", "mlp.router.weight"]),
        ("deepseek_v3", ["shared_experts.up_proj"], [], ["mlp.shared_experts.up_proj.weight"]),
    ],
)
def test_names_are_ends_of_names_in_the_model_or_in_published_files(name, targets, modules, parameters):
    assert expert_targets(network(name), targets) == (modules, parameters)


@pytest.mark.parametrize(("name", "targets"), [("qwen3_moe", ["gate_proj"]), ("mixtral", ["w3", "w2"])])
def test_half_of_a_fused_parameter_is_refused(name, targets):
    with pytest.raises(TrainError, match="its partner in one parameter, gate_up_proj; name both"):
        expert_targets(network(name), targets)


def test_a_name_that_is_not_there_is_refused_with_names_that_are():
    with pytest.raises(TrainError, match=r"q_prog: the model has no such weights; modules look like model\.layers\.0\.self_attn\.q_proj"):
        expert_targets(network("qwen3_moe"), ["q_proj", "q_prog"])
