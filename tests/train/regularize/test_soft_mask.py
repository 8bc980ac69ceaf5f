import pytest
import torch

from tests.train.optimize.networks import ids_of, loss_of, take_steps, tiny
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights
from train.regularize.recipe import SoftMaskRecipe
from train.regularize.soft_mask import SoftMask, kept_shares


def test_a_unit_keeps_one_minus_the_tanh_of_its_z_score():
    importance = {"a": torch.tensor([[1.0], [2.0], [6.0]]), "equal": torch.ones(4)}
    scores = ((importance["a"] - 3) / (14 / 3) ** 0.5).tanh()
    published = kept_shares(importance, SoftMaskRecipe())
    torch.testing.assert_close(published["a"], 1 - scores.abs())
    assert published["equal"].equal(torch.ones(4)), "no unit is more important than another"
    torch.testing.assert_close(kept_shares(importance, SoftMaskRecipe(strength=0.5))["a"], 1 - 0.5 * scores.abs())
    torch.testing.assert_close(kept_shares(importance, SoftMaskRecipe(protect_unimportant=False))["a"], 1 - scores.clamp_min(0))


def one_step(share, at, weights="masters", dtype=torch.float32, kind="adamw"):
    """Weights before and after a step in which every unit keeps `share` of its change."""
    network = tiny()
    trained = TrainedWeights(network, dtype, OptimizerRecipe(kind=kind, weights=weights, clip=None, weight_decay=0.0), seed=3)
    take_steps(network, trained, range(3))
    before = {name: store.read(slice(None)).clone() for name, store in trained.stores.items()}
    kept = {name: torch.full((*tensor.shape[:-1], 1) if tensor.ndim > 1 else tensor.shape, share) for name, tensor in trained.masters.items()}
    mask = SoftMask(trained, kept, SoftMaskRecipe(at=at))
    trained.after_update = mask.after_update
    loss = loss_of(network, ids_of(5))
    loss.backward()
    assert mask.before_update() == {}
    trained.step(0.01, loss.detach())
    return before, {name: store.read(slice(None)).clone() for name, store in trained.stores.items()}


@pytest.mark.parametrize("kind", ["adamw", "adamw8bit", "muon"])
def test_the_step_of_every_optimizer_is_masked(kind):
    before, free = one_step(1.0, "step", kind=kind)
    _, masked = one_step(0.25, "step", kind=kind)
    _, fixed = one_step(0.0, "step", kind=kind)
    for name, start in before.items():
        assert fixed[name].equal(start)
        torch.testing.assert_close(masked[name] - start, 0.25 * (free[name] - start), rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("weights", ["kahan", "stochastic"])
def test_bfloat16_weights_are_masked_too(weights):
    before, fixed = one_step(0.0, "step", weights, torch.bfloat16)
    assert all(fixed[name].equal(start) for name, start in before.items())


def first_steps(share, at):
    """Distance of the weights after four steps whose changes, or gradients, are all multiplied by `share`."""
    network = tiny()
    trained = TrainedWeights(network, torch.float32, OptimizerRecipe(clip=None, weight_decay=0.0))
    before = {name: tensor.detach().clone() for name, tensor in trained.masters.items()}
    kept = {name: torch.full((*tensor.shape[:-1], 1) if tensor.ndim > 1 else tensor.shape, share) for name, tensor in trained.masters.items()}
    mask = SoftMask(trained, kept, SoftMaskRecipe(at=at))
    trained.after_update = mask.after_update
    for step in range(4):
        loss = loss_of(network, ids_of(step))
        loss.backward()
        mask.before_update()
        trained.step(0.01, loss.detach())
    return float(torch.cat([(tensor.detach() - before[name]).flatten() for name, tensor in trained.masters.items()]).norm())


def test_adamw_divides_a_masked_gradient_by_its_mask():
    """The reason why `at: step` is the default."""
    assert first_steps(0.25, "gradient") == pytest.approx(first_steps(1.0, "gradient"), rel=0.01)
    assert first_steps(0.25, "step") == pytest.approx(0.25 * first_steps(1.0, "step"), rel=0.05)
