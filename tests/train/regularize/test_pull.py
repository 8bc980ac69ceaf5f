import pytest
import torch

from tests.train.optimize.networks import ids_of, loss_of, take_steps, tiny
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights
from train.regularize.pull import PullToBase, base_values

LR = 0.01


def make(dtype=torch.float32, **settings):
    """A network some steps away from its base, its weights, and the base's values."""
    network = tiny()
    weights = TrainedWeights(network, dtype, OptimizerRecipe(**{"weight_decay": 0.0, "clip": None} | settings), seed=3)
    base = base_values(weights)
    take_steps(network, weights, range(5), LR)
    return network, weights, base


def with_gradients(network, step=5):
    loss = loss_of(network, ids_of(step))
    loss.backward()
    return loss.detach()


def importance_of(weights):
    generator = torch.Generator().manual_seed(1)
    return {name: torch.rand(tensor.shape, generator=generator) * 5 + 0.1 for name, tensor in weights.masters.items()}


@pytest.mark.parametrize("by_importance", [False, True])
def test_the_gradient_is_that_of_the_loss_plus_the_penalty(by_importance):
    network, weights, base = make()
    importance = importance_of(weights) if by_importance else None
    loss = loss_of(network, ids_of(5))
    squares = [(0.7 * (importance[name] if importance else 1.0) * (tensor - base[name]).square()).sum() / 2 for name, tensor in weights.masters.items()]
    expected = torch.autograd.grad(loss + sum(squares), list(weights.masters.values()))
    with_gradients(network)
    found = PullToBase("pull", weights, base, 0.7, "gradient", importance).before_update()
    assert float(found["pull"]) == pytest.approx(float(sum(squares).detach()), rel=1e-5)
    for (name, master), gradient in zip(weights.masters.items(), expected, strict=True):
        torch.testing.assert_close(master.grad, gradient, rtol=1e-5, atol=1e-7, msg=name)


@pytest.mark.parametrize("by_importance", [False, True])
def test_the_step_minimises_penalty_plus_squared_change(by_importance):
    """A proximal step: at its result, strength * importance * (w - base) + (w - w_before) / lr = 0."""
    network, weights, base = make()
    importance = importance_of(weights) if by_importance else None
    weights.after_update = PullToBase("pull", weights, base, 40.0, "step", importance).after_update
    plain_network, plain, _ = make()
    for other, trained in ((network, weights), (plain_network, plain)):
        trained.step(LR, with_gradients(other))
    for name, master in weights.masters.items():
        coefficient = 40.0 * (importance[name] if importance else 1.0)
        slope = coefficient * (master - base[name]) + (master - plain.masters[name]) / LR
        assert float(slope.detach().abs().max()) < 1e-3 * float((coefficient * (plain.masters[name] - base[name])).detach().abs().max()), name


def test_a_very_strong_pull_returns_to_the_base_and_not_beyond():
    network, weights, base = make()
    weights.after_update = PullToBase("pull", weights, base, 1e9, "step", importance_of(weights)).after_update
    weights.step(LR, with_gradients(network))
    for name, master in weights.masters.items():
        torch.testing.assert_close(master.detach(), base[name].float(), rtol=1e-3, atol=1e-6)


def test_the_pull_follows_the_learning_rate_of_each_part():
    network, weights, base = make()
    weights.rate_factors["up.weight"] = 0.0
    before = weights.masters["up.weight"].detach().clone()
    pull = PullToBase("pull", weights, base, 1.0, "step")
    with_gradients(network)
    pull.after_update(LR, torch.tensor(False))
    assert weights.masters["up.weight"].equal(before)
    assert not weights.masters["down.weight"].equal(before)


def test_a_skipped_step_and_a_frozen_weight_stay_as_they_are():
    network, weights, base = make()
    before = {name: tensor.detach().clone() for name, tensor in weights.masters.items()}
    pull = PullToBase("pull", weights, base, 1.0, "step")
    with_gradients(network)
    pull.after_update(LR, torch.tensor(True))
    assert all(tensor.equal(before[name]) for name, tensor in weights.masters.items())
    weights.masters["up.weight"].grad = None
    pull.after_update(LR, torch.tensor(False))
    assert {name for name, tensor in weights.masters.items() if tensor.equal(before[name])} == {"up.weight"}


@pytest.mark.parametrize("weights", ["masters", "kahan", "stochastic"])
def test_the_base_is_copied_without_loss_in_two_bytes_where_it_has_two(weights):
    network = tiny()
    trained = TrainedWeights(network, torch.bfloat16, OptimizerRecipe(weights=weights))
    with torch.no_grad():
        for name, master in trained.masters.items():
            if name != "up.weight":
                master.copy_(master.bfloat16())
    base = base_values(trained)
    assert base["down.weight"].dtype == torch.bfloat16
    assert base["up.weight"].dtype == (torch.float32 if weights == "masters" else torch.bfloat16)
    for name, store in trained.stores.items():
        assert base[name].float().equal(store.read(slice(None)))
    take_steps(network, trained, range(2), LR)
    assert not base["up.weight"].float().equal(trained.stores["up.weight"].read(slice(None))), "a copy, not a view"
