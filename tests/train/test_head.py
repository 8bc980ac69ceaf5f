import pytest
import torch
import torch.nn.functional as F

from train.head import IGNORED, LogitTransform, linear_cross_entropy


def slow(hidden, weight, targets, transform):
    logits = hidden @ weight.T * transform.scale
    if transform.softcap is not None:
        logits = transform.softcap * torch.tanh(logits / transform.softcap)
    return F.cross_entropy(logits, targets, reduction="none", ignore_index=IGNORED)


def example(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(37, 16, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(50, 16, generator=generator).to(dtype).requires_grad_()
    targets = torch.randint(0, 50, (37,), generator=generator)
    targets[::5] = IGNORED
    return hidden, weight, targets


@pytest.mark.parametrize("transform", [LogitTransform(), LogitTransform(0.25), LogitTransform(softcap=3.0), LogitTransform(0.5, 2.0)])
@pytest.mark.parametrize("chunk_tokens", [1, 8, 37, 1000])
def test_loss_and_gradients_equal_plain_cross_entropy(transform, chunk_tokens):
    hidden, weight, targets = example()
    expected = slow(hidden, weight, targets, transform)
    found = linear_cross_entropy(hidden, weight, targets, transform, chunk_tokens)
    torch.testing.assert_close(found.nats, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.total, expected.sum(), rtol=1e-5, atol=1e-5)
    wanted = torch.autograd.grad(expected.sum() / 7, (hidden, weight))
    got = torch.autograd.grad(found.total / 7, (hidden, weight))
    for one, other in zip(got, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_logits_far_apart_stay_exact():
    hidden, weight = torch.tensor([[1.0]]), torch.tensor([[0.0], [200.0], [-500.0]])
    found = [linear_cross_entropy(hidden, weight, torch.tensor([target])).nats.item() for target in range(3)]
    assert found == pytest.approx([200.0, 0.0, 700.0])


def test_no_target_gives_zero_loss_and_zero_gradient():
    hidden, weight, targets = example()
    found = linear_cross_entropy(hidden, weight, torch.full_like(targets, IGNORED))
    assert found.total.item() == 0
    assert all(gradient.abs().max() == 0 for gradient in torch.autograd.grad(found.total, (hidden, weight)))


def test_bfloat16_losses_are_float32_and_gradients_near():
    hidden, weight, targets = example(torch.bfloat16)
    found = linear_cross_entropy(hidden, weight, targets, chunk_tokens=8)
    exact = slow(hidden.float(), weight.float(), targets, LogitTransform())
    assert found.nats.dtype == torch.float32
    torch.testing.assert_close(found.nats, exact, rtol=2e-2, atol=5e-2)
    wanted = torch.autograd.grad(exact.sum(), (hidden, weight))
    for one, other in zip(torch.autograd.grad(found.total, (hidden, weight)), wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=5e-2, atol=1e-1)


def test_without_gradients_nothing_is_kept_for_a_backward_pass():
    hidden, weight, targets = example()
    with torch.no_grad():
        found = linear_cross_entropy(hidden, weight, targets)
    assert not found.total.requires_grad
    torch.testing.assert_close(found.nats, slow(hidden, weight, targets, LogitTransform()).detach())
