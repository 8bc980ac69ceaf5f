import copy

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.parts import CONFIGS, pack, random_rows, tiny_model, tiny_network
from train import attention
from train.batch import make_batch
from train.devices.shard import device_mesh, shard
from train.devices.world import World, join_world
from train.errors import TrainError
from train.model import prepare
from train.plan.gradients import sums_in_float32
from train.recipe import ShardingRecipe
from train.save.model import export_state
from train.selfcheck import check_model


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_that_are_reduced_once_equal_those_reduced_after_each_micro_batch(world, dtype):
    if dtype == torch.bfloat16 and not sums_in_float32():
        pytest.skip("this torch sums unreduced gradients in bfloat16, so a run reduces each micro-batch's")
    batches = [make_batch(pack(random_rows(2, seed=seed)), 2) for seed in range(3)]
    each, once = sharded("llama", world, dtype), sharded("llama", world, dtype)
    once.reduces_once = True
    for model in (each, once):
        for number, batch in enumerate(batches):
            model.begin_micro_batch(is_last=number == 2)
            model.loss(batch).total.backward()
            kept = [parameter.grad is not None for parameter in model.parameters()]
            assert all(kept) if model is each or number == 2 else not any(kept), "a sharded gradient exists once it is reduced"
    for one, other in zip(each.parameters(), once.parameters(), strict=True):
        torch.testing.assert_close(other.grad.full_tensor(), one.grad.full_tensor(), rtol=1e-5, atol=1e-5)
    for model in (each, once):  # the next step starts anew
        model.zero_grad()
        model.begin_micro_batch(is_last=True)
        model.loss(batches[0]).total.backward()
    for one, other in zip(each.parameters(), once.parameters(), strict=True):
        assert other.grad.full_tensor().equal(one.grad.full_tensor())


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
