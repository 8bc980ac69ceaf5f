from fractions import Fraction

import pytest
import torch

from tests.train.loss.examples import assert_same_gradients, example, leaves, slow_nats
from tests.train.parts import pack, random_rows
from train.batch import make_batch
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import IGNORED
from train.loss.selective import Selective, choose, n_chosen


class Reference:
    """Stands in for a frozen model: fixed nats of each token."""

    def nats(self, batch):
        return torch.rand(batch.targets.numel(), generator=torch.Generator().manual_seed(2)) * 8


def batch_and_hidden():
    batch = make_batch(pack(random_rows(3)), 2)
    hidden, head, _ = example(n_tokens=batch.targets.numel(), n_vocab=96)
    return batch, hidden, head


@pytest.mark.parametrize("share", [0.6, 0.29, 0.05])
def test_the_loss_is_the_mean_over_targets_of_the_largest_excess(share):
    batch, hidden, head = batch_and_hidden()
    targets = batch.targets.flatten()
    nats = slow_nats(hidden, head, targets)
    excess = [(float(value), place) for place, value in enumerate((nats - Reference().nats(batch)).tolist()) if targets[place] != IGNORED]
    best = [place for _, place in sorted(excess, reverse=True)[: int(Fraction(str(share)) * batch.n_targets)]]
    expected = nats[best].mean()
    found = Selective(Reference(), share)(hidden, head, batch)
    torch.testing.assert_close(found.total / batch.n_targets, expected)
    torch.testing.assert_close(found.parts["chosen_loss"] / batch.n_targets, expected.detach())
    torch.testing.assert_close(found.nats, nats.detach(), rtol=1e-5, atol=1e-5)
    assert_same_gradients(found.total / batch.n_targets, expected, leaves(hidden, head))


def test_all_tokens_chosen_is_the_plain_loss_exactly():
    batch, hidden, head = batch_and_hidden()
    plain = linear_cross_entropy(hidden, head, batch.targets.flatten(), z_loss=1e-3)
    found = Selective(Reference(), 1.0, z_loss=1e-3)(hidden, head, batch)
    assert found.total.item() == plain.total.item()
    assert found.nats.equal(plain.nats)
    for one, other in zip(torch.autograd.grad(found.total, leaves(hidden, head)), torch.autograd.grad(plain.total, leaves(hidden, head)), strict=True):
        assert one.equal(other)


def test_so_few_targets_that_none_is_chosen_give_no_loss():
    batch, hidden, head = batch_and_hidden()
    found = Selective(Reference(), 0.001)(hidden, head, batch)
    assert found.total.item() == 0
    assert found.nats.sum() > 0
    assert torch.autograd.grad(found.total, head.weight)[0].abs().max() == 0


def test_the_number_of_chosen_tokens_is_the_floor_of_the_share_as_written():
    assert [n_chosen(share, 100) for share in (0.29, 0.57, 0.999, 1.0)] == [29, 57, 99, 100]


def test_of_equal_tokens_the_first_are_chosen():
    targets = torch.tensor([3, IGNORED, 3, 3, 3])
    assert choose(torch.tensor([1.0, 9.0, 2.0, 1.0, 1.0]), targets, 3).tolist() == [0, 2, 3]
    assert choose(torch.arange(5000) % 2 * 1.0, torch.zeros(5000, dtype=torch.int64), 700).equal(torch.arange(1, 1400, 2))
