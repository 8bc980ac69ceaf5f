import warnings

import pytest
import torch

from tests.train.loss.examples import assert_same_gradients, example, leaves, slow_nats
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import IGNORED, Head, chunk_length


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


@pytest.mark.parametrize("n_tokens, n_vocab, copies, expected", [
    (4096, 128_256, 1, 4096), (16_384, 128_256, 1, 8192), (8400, 128_256, 1, 4200), (8192, 262_144, 1, 4096), (16_384, 32_000, 1, 8192),
    (8192, 128_256, 4, 2048), (100, 50, 1, 100), (0, 50, 1, 0),
])  # fmt: skip
def test_chunks_on_cuda_are_of_8192_tokens_and_2_gib_at_most_and_of_even_length(n_tokens, n_vocab, copies, expected):
    assert chunk_length(n_tokens, n_vocab, copies) == expected


def test_gradients_of_the_head_are_rounded_once():
    """A sum in float32 that is scaled before it is rounded to bfloat16: twice the rounding gives other values."""
    hidden, head, targets = example(torch.bfloat16, n_tokens=40)
    with torch.no_grad():
        wide = Head(head.weight.float())
    wide.weight.requires_grad_()
    found = torch.autograd.grad(linear_cross_entropy(hidden, head, targets).total / 7, head.weight)[0]
    exact = torch.autograd.grad(linear_cross_entropy(hidden.float(), wide, targets).total / 7, wide.weight)[0]
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), exact, rtol=1e-2, atol=2e-2)
