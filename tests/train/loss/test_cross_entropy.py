import pytest
import torch

from tests.train.loss.examples import TRANSFORMS, assert_same_gradients, example, leaves, slow_logits, slow_nats
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import IGNORED, Head


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("chunk_tokens", [1, 8, 37, 1000])
def test_loss_and_gradients_equal_plain_cross_entropy(transform, chunk_tokens, bias):
    hidden, head, targets = example(bias=bias, transform=transform)
    expected = slow_nats(hidden, head, targets)
    found = linear_cross_entropy(hidden, head, targets, chunk_tokens=chunk_tokens)
    torch.testing.assert_close(found.nats, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.total, expected.sum(), rtol=1e-5, atol=1e-5)
    assert_same_gradients(found.total / 7, expected.sum() / 7, leaves(hidden, head))


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_z_loss_is_the_squared_log_sum_exp_of_targets_and_logged_apart(transform):
    hidden, head, targets = example(transform=transform, bias=True)
    nats = slow_nats(hidden, head, targets)
    z_loss = 0.3 * slow_logits(hidden, head).logsumexp(-1)[targets != IGNORED].square().sum()
    found = linear_cross_entropy(hidden, head, targets, z_loss=0.3, chunk_tokens=8)
    torch.testing.assert_close(found.total, nats.sum() + z_loss, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(found.parts["z_loss"], z_loss.detach(), rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(found.nats, nats.detach(), rtol=1e-5, atol=1e-5)
    assert_same_gradients(found.total, nats.sum() + z_loss, leaves(hidden, head), rtol=1e-4, atol=1e-4)


def test_weights_multiply_the_loss_of_each_token():
    hidden, head, targets = example(bias=True)
    weights = torch.rand(len(targets), generator=torch.Generator().manual_seed(5))
    expected = (slow_nats(hidden, head, targets) * weights).sum()
    found = linear_cross_entropy(hidden, head, targets, weights=weights, chunk_tokens=8)
    torch.testing.assert_close(found.total, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.nats, slow_nats(hidden, head, targets).detach(), rtol=1e-5, atol=1e-5)
    assert_same_gradients(found.total, expected, leaves(hidden, head))


def test_logits_far_apart_stay_exact():
    head = Head(torch.tensor([[0.0], [200.0], [-500.0]]))
    found = [linear_cross_entropy(torch.tensor([[1.0]]), head, torch.tensor([target])).nats.item() for target in range(3)]
    assert found == pytest.approx([200.0, 0.0, 700.0])


def test_bfloat16_losses_are_float32_and_gradients_near():
    hidden, head, targets = example(torch.bfloat16, bias=True)
    found = linear_cross_entropy(hidden, head, targets, chunk_tokens=8)
    exact = slow_nats(hidden.float(), Head(head.weight.float(), head.bias.float()), targets)
    assert found.nats.dtype == torch.float32
    torch.testing.assert_close(found.nats, exact, rtol=2e-2, atol=5e-2)
    assert_same_gradients(found.total, exact.sum(), leaves(hidden, head), rtol=5e-2, atol=1e-1)
