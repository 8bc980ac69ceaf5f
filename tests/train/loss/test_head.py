import warnings

import pytest
import torch

from tests.train.loss.examples import assert_same_gradients, example, leaves, slow_nats
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import IGNORED, Head


def test_a_head_tied_to_the_embedding_gets_both_gradients():
    _, head, targets = example()
    ids = targets.clamp_min(0).roll(1)

    def both(loss):
        return torch.autograd.grad(loss(head.weight[ids].tanh()), head.weight)[0]

    found = both(lambda hidden: linear_cross_entropy(hidden, head, targets, chunk_tokens=8).total)
    torch.testing.assert_close(found, both(lambda hidden: slow_nats(hidden, head, targets).sum()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_what_is_frozen_gets_no_gradient_and_the_rest_the_same(frozen):
    hidden, head, targets = example(bias=True)
    inputs = [tensor.detach().requires_grad_(place != frozen) for place, tensor in enumerate(leaves(hidden, head))]
    trained = [tensor for tensor in inputs if tensor.requires_grad]
    found = linear_cross_entropy(inputs[0], Head(*inputs[1:]), targets, chunk_tokens=8).total
    assert_same_gradients(found, slow_nats(inputs[0], Head(*inputs[1:]), targets).sum(), trained)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        linear_cross_entropy(inputs[0], Head(*inputs[1:]), targets).total.backward()
    assert [tensor.grad is None for tensor in inputs] == [place == frozen for place in range(3)]


def test_no_target_gives_zero_loss_and_zero_gradient():
    hidden, head, targets = example(bias=True)
    found = linear_cross_entropy(hidden, head, torch.full_like(targets, IGNORED), z_loss=1e-4)
    assert found.total.item() == found.parts["z_loss"].item() == 0
    assert all(gradient.abs().max() == 0 for gradient in torch.autograd.grad(found.total, leaves(hidden, head)))


def test_without_gradients_nothing_is_kept_for_a_backward_pass():
    hidden, head, targets = example()
    with torch.no_grad():
        found = linear_cross_entropy(hidden, head, targets)
    assert not found.total.requires_grad
    torch.testing.assert_close(found.nats, slow_nats(hidden, head, targets).detach())
