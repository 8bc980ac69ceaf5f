import pytest
import torch

from tests.train.parts import pack, random_rows, tiny_model
from train.batch import make_batch
from train.recipe import Optimizer
from train.weights import MasterWeights


def backward(model, seed):
    (model.loss(make_batch(pack(random_rows(2, seed)), 2)).total / 50).backward()


def slow_adamw(masters, gradients, moments, step, lr, settings):
    """AdamW and clipping written out."""
    norm = torch.sqrt(sum(gradient.square().sum() for gradient in gradients.values()))
    shrink = min(1.0, settings.clip / (float(norm) + 1e-6))
    for name, gradient in gradients.items():
        gradient = gradient * shrink
        first, second = moments.setdefault(name, [torch.zeros_like(gradient), torch.zeros_like(gradient)])
        first.mul_(settings.betas[0]).add_((1 - settings.betas[0]) * gradient)
        second.mul_(settings.betas[1]).add_((1 - settings.betas[1]) * gradient.square())
        decay = settings.weight_decay if gradient.ndim >= 2 else 0.0
        update = first / (1 - settings.betas[0] ** step) / ((second / (1 - settings.betas[1] ** step)).sqrt() + settings.eps)
        masters[name] = masters[name] * (1 - lr * decay) - lr * update
    return norm


def test_a_step_is_adamw_with_clipping_and_decay_on_matrices_only():
    settings = Optimizer(clip=0.5, weight_decay=0.3)
    model = tiny_model()
    weights = MasterWeights(model.network, torch.float32, settings)
    expected = {name: tensor.detach().clone() for name, tensor in weights.masters.items()}
    moments = {}
    for step in (1, 2, 3):
        backward(model, step)
        gradients = {name: parameter.grad.clone() for name, parameter in model.network.named_parameters()}
        wanted = slow_adamw(expected, gradients, moments, step, 0.01 * step, settings)
        assert float(weights.step(0.01 * step, torch.zeros(())).grad_norm) == pytest.approx(float(wanted), rel=1e-5)
    for name, tensor in weights.masters.items():
        torch.testing.assert_close(tensor.detach(), expected[name], rtol=1e-4, atol=1e-6)


def test_in_bfloat16_gradients_of_micro_batches_are_summed_in_float32():
    model = tiny_model()
    weights = MasterWeights(model.network, torch.bfloat16, Optimizer())
    each = []
    for seed in range(4):
        backward(model, seed)
        each.append({name: master.grad.clone() for name, master in weights.masters.items()})
        for master in weights.masters.values():
            master.grad = None
    for seed in range(4):
        backward(model, seed)
    for name, master in weights.masters.items():
        assert master.dtype == master.grad.dtype == torch.float32
        torch.testing.assert_close(master.grad, sum(gradients[name] for gradients in each), rtol=1e-6, atol=1e-7)
    assert all(parameter.grad is None and parameter.dtype == torch.bfloat16 for parameter in model.network.parameters())


def test_in_bfloat16_steps_too_small_for_it_still_add_up():
    model = tiny_model()
    weights = MasterWeights(model.network, torch.bfloat16, Optimizer(weight_decay=0.0))
    before = weights.masters["model.norm.weight"].detach().clone()
    for _ in range(3):
        backward(model, 0)
        weights.step(1e-4, torch.zeros(()))
    assert (weights.masters["model.norm.weight"] - before).abs().min() > 2e-4
    assert model.network.model.norm.weight.equal(weights.masters["model.norm.weight"].bfloat16())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_restored_optimizer_takes_the_same_steps(dtype):
    straight, resumed = tiny_model(), tiny_model()
    weights = MasterWeights(straight.network, dtype, Optimizer())
    backward(straight, 1)
    weights.step(0.01, torch.zeros(()))
    saved = {name: tensor.clone() for name, tensor in weights.state().items()}
    again = MasterWeights(resumed.network, dtype, Optimizer())
    for name, tensor in again.state().items():
        tensor.copy_(saved[name])
    again.refresh()
    for model, one in ((straight, weights), (resumed, again)):
        backward(model, 2)
        one.step(0.01, torch.zeros(()))
    for name, tensor in weights.masters.items():
        assert tensor.equal(again.masters[name])
