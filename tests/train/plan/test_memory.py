import pytest
import torch

from tests.train.optimize.networks import Tiny
from train.optimize.recipe import AveragingRecipe, EmaRecipe, OptimizerRecipe, ReptileRecipe
from train.optimize.weights import TrainedWeights
from train.plan.memory import optimizer_bytes


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
