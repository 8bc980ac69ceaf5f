import itertools

import pytest
import torch

from tests.train.parts import tiny_network
from train.errors import TrainError
from train.optimize.layer_rates import rate_factors
from train.optimize.recipe import LayerRatesRecipe, OptimizerRecipe
from train.optimize.weights import TrainedWeights

KINDS = [
    (kind, weights, dtype)
    for kind, (weights, dtype) in itertools.product(
        ("adamw", "adamw8bit", "muon"),
        (("masters", torch.float32), ("masters", torch.bfloat16), ("stochastic", torch.bfloat16), ("kahan", torch.bfloat16)),
    )
]


def factors_of(architecture, **settings):
    return rate_factors(tiny_network(architecture), LayerRatesRecipe(**settings))


def trained(layer_rates, n_steps=3, lr=0.01, **settings):
    """All tensors of the optimizer after some steps of a tiny Qwen."""
    network = tiny_network("qwen2")
    weights = TrainedWeights(network, settings.pop("dtype"), OptimizerRecipe(layer_rates=layer_rates, **settings), seed=3)
    for step in range(n_steps):
        ids = torch.randint(0, 96, (2, 12), generator=torch.Generator().manual_seed(step))
        loss = network(input_ids=ids, labels=ids).loss
        loss.backward()
        weights.step(lr, loss.detach())
    return {name: tensor.clone() for name, tensor in weights.state().items()}


def test_each_level_of_depth_has_the_rate_of_the_level_above_it_times_the_decay():
    found = factors_of("qwen2", decay=0.5)
    expected = {"model.embed_tokens": 0.125, "model.layers.0": 0.25, "model.layers.1": 0.5, "model.norm": 1.0, "lm_head": 1.0}
    for name, factor in found.items():
        assert factor == next(value for part, value in expected.items() if name.startswith(part)), name


def test_positions_are_embeddings_and_a_tied_head_has_their_rate():
    found = factors_of("gpt2", decay=0.5)
    assert found["transformer.wte.weight"] == found["transformer.wpe.weight"] == 0.125
    assert found["transformer.ln_f.weight"] == found["transformer.ln_f.bias"] == 1.0
    assert "lm_head.weight" not in found


def test_factors_of_groups_multiply_with_each_other_and_with_that_of_the_depth():
    found = factors_of("qwen2", decay=0.5, groups={"embeddings": 0.1, "layers[0]": 3.0, "*.mlp.*": 2.0})
    assert found["model.embed_tokens.weight"] == 0.125 * 0.1
    assert found["model.layers.0.mlp.up_proj.weight"] == 0.25 * 3 * 2
    assert found["model.layers.1.mlp.up_proj.weight"] == 0.5 * 2
    assert found["model.layers.0.self_attn.q_proj.weight"] == 0.25 * 3
    assert found["lm_head.weight"] == 1


@pytest.mark.parametrize("kind, weights, dtype", KINDS)
def test_factors_of_one_change_no_bit(kind, weights, dtype):
    settings = {"kind": kind, "weights": weights, "dtype": dtype}
    plain, ones = trained(None, **settings), trained({"decay": 1.0, "groups": {"embeddings": 1.0}}, **settings)
    assert plain.keys() == ones.keys()
    assert all(tensor.equal(ones[name]) for name, tensor in plain.items())


@pytest.mark.parametrize("kind", ["adamw", "adamw8bit", "muon"])
def test_a_parameter_takes_the_step_that_its_own_rate_gives(kind):
    """One step from the same gradients, so that parameters do not affect each other."""
    settings = {"kind": kind, "weights": "masters", "dtype": torch.float32, "n_steps": 1}
    found = trained({"decay": 0.5, "groups": {"head": 0.25}}, **settings)
    at_rate = {factor: trained(None, lr=0.01 * factor, **settings) for factor in (0.125, 0.25, 0.5, 1.0)}
    for part, factor in (("model.embed_tokens", 0.125), ("model.layers.0", 0.25), ("model.layers.1", 0.5), ("model.norm", 1.0), ("lm_head", 0.25)):
        names = [name for name in found if name.startswith(f"weight.{part}.")]
        assert names and all(found[name].equal(at_rate[factor][name]) for name in names), part
        assert not any(found[name].equal(at_rate[1.0][name]) for name in names if factor != 1 and found[name].ndim == 2)


def test_a_group_without_parameters_is_refused_by_its_key():
    with pytest.raises(TrainError, match=r"optimizer\.layer_rates\.groups: layers\[7\]: the model has layers 0 to 1"):
        factors_of("qwen2", groups={"layers[7]": 0.5})
