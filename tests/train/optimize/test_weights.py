import itertools

import pytest
import torch

from tests.train.optimize.networks import ids_of, loss_of, take_steps, tiny
from train.errors import TrainError
from train.optimize.recipe import AveragingRecipe, EmaRecipe, OptimizerRecipe, ReptileRecipe, SkipSpikesRecipe
from train.optimize.weights import TrainedWeights

KINDS = [
    (kind, weights, dtype)
    for kind, (weights, dtype) in itertools.product(
        ("adamw", "adamw8bit", "muon"),
        (("masters", torch.float32), ("masters", torch.bfloat16), ("stochastic", torch.bfloat16), ("kahan", torch.bfloat16)),
    )
]


def make(network, dtype=torch.float32, averaging=None, **settings):
    return TrainedWeights(network, dtype, OptimizerRecipe(**settings), averaging, seed=3)


@pytest.mark.parametrize("kind, weights, dtype", KINDS)
def test_a_loaded_state_goes_on_bit_for_bit(kind, weights, dtype):
    averaging = AveragingRecipe(ema=EmaRecipe(decay=0.9), reptile=ReptileRecipe(epsilon=0.5, every_steps=2), forget_embeddings={"every_steps": 4})
    settings = {"kind": kind, "weights": weights, "skip_spikes": SkipSpikesRecipe(window=40)}
    straight, resumed = tiny(), tiny(seed=9)
    one = make(straight, dtype, averaging, **settings)
    take_steps(straight, one, range(3))
    saved = {name: tensor.clone() for name, tensor in one.state().items()}
    again = make(resumed, dtype, averaging, **settings)
    assert set(again.state()) == set(saved)
    for name, tensor in again.state().items():
        assert (tensor.shape, tensor.dtype) == (saved[name].shape, saved[name].dtype)
        tensor.copy_(saved[name])
    again.refresh()
    for network, trained in ((straight, one), (resumed, again)):
        take_steps(network, trained, range(3, 9))
    for name, tensor in one.state().items():
        assert tensor.equal(again.state()[name]), name
    for ours, theirs in zip(straight.parameters(), resumed.parameters(), strict=True):
        assert ours.equal(theirs)


@pytest.mark.parametrize("kind, weights, dtype", KINDS)
@pytest.mark.parametrize("bad", ["loss", "gradient"])
def test_a_step_that_is_not_finite_changes_nothing_but_is_counted(kind, weights, dtype, bad):
    network = tiny()
    trained = make(network, dtype, kind=kind, weights=weights)
    take_steps(network, trained, range(2))
    before = {name: tensor.clone() for name, tensor in trained.state().items()}
    loss = loss_of(network, ids_of(5))
    loss.backward()
    if bad == "gradient":
        next(iter(trained.masters.values())).grad[3, 0] = float("nan")
    result = trained.step(0.01, torch.tensor(float("inf")) if bad == "loss" else loss.detach())
    assert bool(result.skipped)
    assert {name for name, tensor in trained.state().items() if not tensor.equal(before[name])} == {"steps"}
    assert not take_steps(network, trained, [6]).skipped


def test_a_spike_is_not_applied_and_the_run_goes_on():
    network = tiny()
    trained = make(network, skip_spikes=SkipSpikesRecipe(window=40))
    take_steps(network, trained, range(30), lr=1e-3)
    before = network.up.weight.detach().clone()
    loss = loss_of(network, ids_of(30))
    (1e4 * loss).backward()
    assert trained.step(1e-3, loss.detach()).skipped
    assert network.up.weight.equal(before)
    assert not take_steps(network, trained, [31], lr=1e-3).skipped
    assert not network.up.weight.equal(before)


@pytest.mark.parametrize("kind, weights, dtype", KINDS)
def test_every_kind_learns(kind, weights, dtype):
    network = tiny()
    trained = make(network, dtype, kind=kind, weights=weights)
    first = loss_of(network, ids_of(0)).item()
    take_steps(network, trained, range(25), lr=0.02)
    assert loss_of(network, ids_of(0)).item() < 0.8 * first


@pytest.mark.parametrize("kind, weights, dtype", KINDS)
def test_frozen_parameters_stay_as_they_are(kind, weights, dtype):
    network = tiny()
    for parameter in (network.up.weight, network.embedding.weight):
        parameter.requires_grad_(False)
    before = {name: parameter.detach().to(dtype).clone() for name, parameter in network.named_parameters()}
    trained = make(network, dtype, kind=kind, weights=weights)
    assert {"up.weight", "embedding.weight"}.isdisjoint(trained.masters)
    take_steps(network, trained, range(2))
    changed = {name for name, parameter in network.named_parameters() if not parameter.equal(before[name])}
    assert {"up.weight", "embedding.weight"}.isdisjoint(changed) and "down.weight" in changed


def test_a_parameter_without_a_gradient_is_left_out():
    network = tiny()
    trained = make(network)
    before = network.up.weight.detach().clone()
    network.head.weight.square().sum().backward()
    trained.step(0.01, torch.tensor(1.0))
    assert network.up.weight.equal(before)


def test_in_bfloat16_gradients_of_micro_batches_are_summed_in_float32():
    network = tiny()
    weights = make(network, torch.bfloat16)
    each = []
    for seed in range(4):
        loss_of(network, ids_of(seed)).backward()
        each.append({name: master.grad.clone() for name, master in weights.masters.items()})
        for master in weights.masters.values():
            master.grad = None
    for seed in range(4):
        loss_of(network, ids_of(seed)).backward()
    for name, master in weights.masters.items():
        assert master.dtype == master.grad.dtype == torch.float32
        torch.testing.assert_close(master.grad, sum(gradients[name] for gradients in each), rtol=1e-6, atol=1e-7)
    assert all(parameter.grad is None and parameter.dtype == torch.bfloat16 for parameter in network.parameters())


@pytest.mark.parametrize("weights", ["masters", "kahan", "stochastic"])
def test_in_bfloat16_steps_too_small_for_it_still_add_up(weights):
    network = tiny(width=64)
    trained = make(network, torch.bfloat16, weight_decay=0.0, weights=weights)
    before = network.norm.weight.detach().float().clone()
    take_steps(network, trained, [0] * 40, lr=1e-4)
    assert 2e-3 < (trained.masters["norm.weight"].float() - before).abs().mean() < 6e-3


def test_settings_that_do_not_go_together_are_refused():
    with pytest.raises(TrainError, match=r"optimizer.weights: kahan keeps weights in bfloat16; set precision: bf16"):
        make(tiny(), weights="kahan")
    frozen = tiny().requires_grad_(False)
    with pytest.raises(TrainError, match="all are frozen"):
        make(frozen)
