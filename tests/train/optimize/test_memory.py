"""The table of bytes in docs/training.md, counted on networks without memory."""

import pytest
import torch

from tests.train.optimize.networks import Tiny
from train.optimize.recipe import Averaging, Ema, Optimizer, Reptile
from train.optimize.weights import TrainedWeights


def bytes_each(dtype=torch.bfloat16, averaging=None, width=1024, **settings):
    """Bytes a trained parameter of the network, of gradients, and of the state by what its names begin with."""
    with torch.device("meta"):
        network = Tiny(width)
    weights = TrainedWeights(network, dtype, Optimizer(**settings), averaging)
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    found = {"network": network.up.weight.element_size(), "gradients": next(iter(weights.masters.values())).element_size()}
    for name, tensor in weights.state().items():
        found[name.partition(".")[0]] = found.get(name.partition(".")[0], 0) + tensor.nbytes / n_parameters
    return found


@pytest.mark.parametrize("kind, weights, expected", [
    ("adamw", "masters", (2, 4, 4, 4, 4)), ("adamw", "kahan", (2, 2, 4, 2, 2)), ("adamw", "stochastic", (2, 2, 2, 2, 2)),
    ("adamw8bit", "masters", (2, 4, 4, 1 + 4 / 256, 1 + 4 / 256)), ("adamw8bit", "stochastic", (2, 2, 2, 1 + 4 / 256, 1 + 4 / 256)),
])  # fmt: skip
def test_each_parameter_takes_the_bytes_that_the_documentation_tells(kind, weights, expected):
    found = bytes_each(kind=kind, weights=weights)
    assert [found[part] for part in ("network", "gradients", "weight", "exp_avg", "exp_avg_sq")] == pytest.approx(expected, rel=0.01)


def test_muon_has_one_moment():
    hidden = 2 * 3 * 1024 * 1024 / (2 * 3 * 1024 * 1024 + 2 * 32 * 1024 + 5 * 1024)
    found = bytes_each(kind="muon")
    assert (found["momentum"], found["exp_avg"]) == pytest.approx((4 * hidden, 4 * (1 - hidden)), rel=0.01)


def test_averages_take_four_bytes_each():
    found = bytes_each(averaging=Averaging(ema=Ema(), reptile=Reptile()), weights="stochastic")
    assert (found["ema"], found["anchor"]) == pytest.approx((4, 4))
