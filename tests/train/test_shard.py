import copy

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.parts import CONFIGS, pack, random_rows, tiny_model, tiny_network
from train import attention
from train.batch import make_batch
from train.errors import TrainError
from train.model import export_state, prepare
from train.recipe import ShardingRecipe
from train.selfcheck import check_model
from train.shard import device_mesh, shard
from train.world import World, join_world


@pytest.fixture(scope="module")
def world():
    with join_world("cpu", alone=True) as world:
        yield world


def sharded(architecture, world, dtype=torch.float32):
    """The tiny model of parts.py, dealt out to a network that had no memory."""
    attention.register()
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(copy.deepcopy(CONFIGS[architecture]), dtype=torch.float32)
    network.set_attn_implementation(attention.NAME)
    return shard(prepare(network), tiny_network(architecture), world, dtype, ShardingRecipe())


@pytest.mark.parametrize("architecture", CONFIGS)
def test_a_sharded_model_has_the_loss_gradients_and_weights_of_a_whole_one(architecture, world):
    batch = make_batch(pack(random_rows(4, seed=1)), 2)
    whole, cut = tiny_model(architecture), sharded(architecture, world)
    for model in (whole, cut):
        check_model(model)
        model.loss(batch).total.backward()
    for (name, one), (other_name, other) in zip(whole.network.named_parameters(), cut.network.named_parameters(), strict=True):
        assert name == other_name
        torch.testing.assert_close(other.grad.full_tensor(), one.grad, rtol=1e-5, atol=1e-5)
    exported, expected = (export_state(model.network, {}, torch.float32, keep=True) for model in (cut, whole))
    assert exported.keys() == expected.keys() and all(exported[name].equal(tensor) for name, tensor in expected.items())


def test_weights_written_between_two_evaluations_are_seen(world):
    batch = make_batch(pack(random_rows(4, seed=1)), 2)
    model = sharded("llama", world, torch.bfloat16)  # gathered parameters are copies, as with several processes
    outside_layers = model.network.model.norm.weight
    with torch.no_grad():
        before = model.loss(batch).total
        outside_layers.mul_(0.5)
        assert float(model.loss(batch).total) != float(before)


def test_processes_that_do_not_divide_into_copies_are_refused():
    with pytest.raises(TrainError, match=r"sharding\.shard_ranks: 3 does not divide the 8 processes"):
        device_mesh(World(torch.device("cpu"), 0, 8), ShardingRecipe(shard_ranks=3))
