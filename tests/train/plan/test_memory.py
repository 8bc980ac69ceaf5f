import pytest
import torch

from tests.train.optimize.networks import Tiny
from tests.train.plan.recipes import recipe_of
from tests.train.rope.models import CONFIGS as LONG_CONFIGS
from tests.train.rope.models import long_network
from train.errors import TrainError
from train.loss.head import chunk_length
from train.optimize.recipe import AveragingRecipe, EmaRecipe, OptimizerRecipe, ReptileRecipe
from train.optimize.weights import TrainedWeights
from train.plan.memory import MemoryPlanner, optimizer_bytes


@pytest.mark.parametrize("kind, weights, expected", [
    ("adamw", "masters", (2, 4, 4, 8)), ("adamw", "kahan", (2, 2, 2, 4)), ("adamw", "stochastic", (2, 0, 2, 4)),
    ("adamw8bit", "masters", (2, 4, 4, 2 + 8 / 256)), ("adamw8bit", "stochastic", (2, 0, 2, 2 + 8 / 256)),
])  # fmt: skip
def test_bytes_of_each_parameter_are_those_that_the_documentation_tells(kind, weights, expected):
    """Counted on a network without memory."""
    with torch.device("meta"):
        network = Tiny(width=1024)
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    found = optimizer_bytes(network, TrainedWeights(network, torch.bfloat16, OptimizerRecipe(kind=kind, weights=weights)))
    assert [found[part] / n_parameters for part in ("parameters", "masters", "gradients", "moments")] == pytest.approx(expected, rel=0.01)
    assert found["averages"] == 0


def test_muon_has_one_moment_and_averages_take_four_bytes_each():
    network = Tiny(width=1024)
    averaging = AveragingRecipe(ema=EmaRecipe(), reptile=ReptileRecipe())
    found = optimizer_bytes(network, TrainedWeights(network, torch.float32, OptimizerRecipe(kind="muon"), averaging))
    n_parameters, n_hidden = sum(parameter.numel() for parameter in network.parameters()), 2 * 3 * 1024 * 1024
    assert found["masters"] == 0 and found["averages"] == 8 * n_parameters
    assert found["moments"] == pytest.approx(4 * n_hidden + 8 * (n_parameters - n_hidden), rel=0.001)


def test_frozen_parameters_take_no_gradients_and_moments():
    network = Tiny(width=1024)
    network.up.weight.requires_grad_(False)
    found = optimizer_bytes(network, TrainedWeights(network, torch.bfloat16, OptimizerRecipe()))
    n_trained = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    assert (found["masters"], found["gradients"]) == (4 * n_trained, 4 * n_trained)
    assert found["parameters"] == 2 * sum(parameter.numel() for parameter in network.parameters())


def test_memory_of_mixed_precision_is_18_bytes_a_parameter_on_one_device_and_16_sharded(billion):
    planner = MemoryPlanner(billion, 1024, on_gpu=True)
    n_parameters = 1235814400
    lasting = ("parameters", "masters", "gradients", "moments")
    one, eight = planner.memory(recipe_of(billion)), planner.memory(recipe_of(billion), 8)
    assert sum(one.parts[name] for name in lasting) == pytest.approx(18 * n_parameters, rel=1e-6)
    assert sum(eight.parts.get(name, 0) for name in lasting) == pytest.approx(16 * n_parameters / 8, rel=1e-6)
    assert eight.parts["gathered weights"] > 2 * 262668288, "embeddings, in two bytes, and two layers"


def test_adapters_take_two_bytes_a_frozen_weight_and_all_the_rest_for_themselves(billion):
    memory = MemoryPlanner(billion, 1024, on_gpu=True).memory(recipe_of(billion, adapt={"lora": {"rank": 8}}, micro_batch_rows=1))
    trained = memory.parameters.trainable
    assert 0 < trained < 0.01 * memory.parameters.total
    assert memory.parts["moments"] == pytest.approx(8 * trained, rel=1e-3)
    assert memory.parts["parameters"] == pytest.approx(2 * memory.parameters.total, rel=1e-6)


def test_weights_in_four_bits_are_refused_with_what_to_do(billion):
    with pytest.raises(TrainError, match="4-bit weights cannot be planned; plan without it"):
        MemoryPlanner(billion, 1024, on_gpu=True).memory(recipe_of(billion, adapt={"lora": {"rank": 8}, "quantize": {}}))


def test_what_regularizers_keep_is_counted_divided_by_the_devices_that_share_the_model(billion):
    planner = MemoryPlanner(billion, 1024, on_gpu=True)
    plain, pulled = recipe_of(billion), recipe_of(billion, regularize={"l2_sp": {"strength": 1.0}})
    one, eight = planner.memory(pulled), planner.memory(pulled, 8)
    n_parameters = one.parameters.total
    assert "regularizers" not in planner.memory(plain).parts
    assert one.parts["regularizers"] == 4 * n_parameters, "this configuration names no dtype, so float32 is assumed"
    assert eight.parts["regularizers"] == pytest.approx(4 * n_parameters / 8, rel=1e-6)


def test_a_teacher_adds_its_weights_and_the_logits_of_both_models(billion):
    """Of each chunk of tokens, float32 logits of student and teacher and some of their distributions exist at a time."""
    planner = MemoryPlanner(billion, 1024, on_gpu=True)
    plain = planner.memory(recipe_of(billion, micro_batch_rows=1)).parts
    taught = planner.memory(recipe_of(billion, micro_batch_rows=1, loss={"distill": {"teacher": str(billion)}})).parts
    n_parameters = 1235814400
    assert taught["second model"] == 2 * n_parameters
    assert taught["activations kept for the backward pass"] >= plain["activations kept for the backward pass"]
    added = taught["backward pass and output head"] - plain["backward pass and output head"]
    logits = 4 * 128256 * chunk_length(1024, 128256, 4)
    assert 3 * logits < added < 10 * logits


@pytest.mark.parametrize("name", LONG_CONFIGS)
def test_models_whose_frequencies_depend_on_the_length_can_be_planned(tmp_path, name):
    long_network(name).save_pretrained(tmp_path)
    assert MemoryPlanner(tmp_path, 48, on_gpu=True).memory(recipe_of(tmp_path)).total > 0
