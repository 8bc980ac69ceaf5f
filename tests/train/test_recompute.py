import pytest
import torch

from tests.train.parts import pack, random_rows, tiny_model
from train.batch import make_batch
from train.recompute import checkpoint_activations


@pytest.mark.parametrize("mode", ["selective", "full"])
def test_recomputed_activations_change_nothing(mode):
    batch = make_batch(pack(random_rows(2)), 2)
    plain, recomputed = tiny_model(), tiny_model()
    checkpoint_activations(recomputed.network, mode)
    kept = [saved_bytes(model, batch) for model in (plain, recomputed)]
    for one, other in zip(plain.network.parameters(), recomputed.network.parameters(), strict=True):
        assert one.grad.equal(other.grad)
    assert kept[1] < 0.8 * kept[0]


def saved_bytes(model, batch):
    """Bytes of distinct memory that autograd keeps between forward and backward pass, without what the pass of a layer keeps for itself."""
    storages = {}
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: storages.update({tensor.untyped_storage().data_ptr(): tensor}) or tensor, lambda tensor: tensor
    ):
        loss = model.loss(batch)
    total = sum(tensor.untyped_storage().nbytes() for tensor in storages.values())
    loss.total.backward()
    return total
