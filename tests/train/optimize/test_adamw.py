import pytest
import torch

from tests.train.optimize.networks import ids_of, loss_of, take_steps, tiny
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights


def make(network, dtype=torch.float32, averaging=None, **settings):
    return TrainedWeights(network, dtype, OptimizerRecipe(**settings), averaging, seed=3)


def slow_adamw(masters, gradients, moments, step, lr, settings):
    """AdamW and clipping written out, in float64."""
    norm = torch.sqrt(sum(gradient.double().square().sum() for gradient in gradients.values()))
    shrink = min(1.0, settings.clip / (float(norm) + 1e-6))
    for name, gradient in gradients.items():
        gradient = gradient.double() * shrink
        first, second = moments.setdefault(name, [torch.zeros_like(gradient), torch.zeros_like(gradient)])
        first.mul_(settings.betas[0]).add_((1 - settings.betas[0]) * gradient)
        second.mul_(settings.betas[1]).add_((1 - settings.betas[1]) * gradient.square())
        decay = settings.weight_decay if gradient.ndim >= 2 else 0.0
        update = first / (1 - settings.betas[0] ** step) / ((second / (1 - settings.betas[1] ** step)).sqrt() + settings.eps)
        masters[name] = masters[name] * (1 - lr * decay) - lr * update
    return norm


@pytest.mark.parametrize("kind, weights, dtype, tolerance", [
    ("adamw", "masters", torch.float32, 1e-6), ("adamw8bit", "masters", torch.float32, 2e-2),
    ("adamw", "kahan", torch.bfloat16, 2e-2), ("adamw", "stochastic", torch.bfloat16, 5e-2), ("adamw8bit", "kahan", torch.bfloat16, 4e-2),
])  # fmt: skip
def test_a_step_is_adamw_with_clipping_and_decay_on_matrices_only(kind, weights, dtype, tolerance):
    """`tolerance` is that of the whole way gone in five steps, relative to it."""
    settings = OptimizerRecipe(clip=0.5, weight_decay=0.3, kind=kind, weights=weights)
    network = tiny(width=64)
    trained = TrainedWeights(network, dtype, settings)
    start = {name: tensor.detach().double() for name, tensor in trained.masters.items()}
    expected, moments = dict(start), {}
    for step in range(1, 6):
        loss = loss_of(network, ids_of(step))
        loss.backward()
        gradients = {name: parameter.grad.float() for name, parameter in network.named_parameters()}
        wanted = slow_adamw(expected, gradients, moments, step, 0.02 * step, settings)
        assert float(trained.step(0.02 * step, loss.detach()).grad_norm) == pytest.approx(float(wanted), rel=1e-2 if dtype == torch.bfloat16 else 1e-5)
    for name, tensor in trained.masters.items():
        way = expected[name] - start[name]
        assert (tensor.detach().double() - expected[name]).norm() < tolerance * way.norm(), name


def test_adamw_is_torchs_to_the_bit():
    ours, peer = tiny(), tiny()
    weights = make(ours, clip=None, weight_decay=0.0)
    optimizer = torch.optim.AdamW(peer.parameters(), lr=0.01, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    for step in range(4):
        take_steps(ours, weights, [step])
        loss_of(peer, ids_of(step)).backward()
        optimizer.step()
        optimizer.zero_grad()
    for one, other in zip(ours.parameters(), peer.parameters(), strict=True):
        assert one.equal(other)


def test_adamw8bit_goes_the_way_of_bitsandbytes():
    bitsandbytes = pytest.importorskip("bitsandbytes")
    ours, peer = tiny(width=128), tiny(width=128)
    start = {name: parameter.detach().clone() for name, parameter in ours.named_parameters()}
    weights = make(ours, kind="adamw8bit", clip=None, weight_decay=0.0)
    optimizer = bitsandbytes.optim.AdamW8bit(peer.parameters(), lr=0.01, betas=(0.9, 0.95), weight_decay=0.0, min_8bit_size=256)
    for step in range(10):
        take_steps(ours, weights, [step])
        loss_of(peer, ids_of(step)).backward()
        optimizer.step()
        optimizer.zero_grad()
    for name in ("up.weight", "down.weight"):
        ours_way, peers_way = (dict(network.named_parameters())[name].detach() - start[name] for network in (ours, peer))
        assert (ours_way - peers_way).norm() < 0.1 * peers_way.norm()
