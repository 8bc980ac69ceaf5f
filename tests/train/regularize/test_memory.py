import pytest
import torch

from tests.train.optimize.networks import Tiny
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights
from train.regularize.memory import regularizer_bytes
from train.regularize.pull import base_values
from train.regularize.recipe import RegularizeRecipe

L2_SP, EWC, SAMPLE = {"l2_sp": {"strength": 1.0}}, {"ewc": {"strength": 1.0}}, {"sample": "old"}
MASK = {"soft_mask": {}}


@pytest.mark.parametrize(
    "settings, stored, expected",
    [
        (L2_SP, torch.bfloat16, 2), (L2_SP, torch.float32, 4), (EWC | SAMPLE, torch.bfloat16, 4), (L2_SP | EWC | SAMPLE, torch.float32, 6),
        (MASK | SAMPLE, torch.bfloat16, 4), ({"soft_mask": {"at": "gradient"}} | SAMPLE, torch.float32, 0),
    ],
)  # fmt: skip
def test_bytes_of_each_trained_weight(settings, stored, expected):
    with torch.device("meta"):
        network = Tiny(width=1024)
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    weights = TrainedWeights(network, torch.float32, OptimizerRecipe())
    found = regularizer_bytes(RegularizeRecipe.model_validate(settings), weights, stored)
    assert found / n_parameters == pytest.approx(expected, abs=0.01)


def test_what_is_counted_is_what_is_held():
    network = Tiny(width=64).bfloat16().float()
    weights = TrainedWeights(network, torch.float32, OptimizerRecipe())
    held = sum(tensor.nbytes for tensor in base_values(weights).values())
    assert regularizer_bytes(RegularizeRecipe.model_validate(L2_SP), weights, torch.bfloat16) == held
