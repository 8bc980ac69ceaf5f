"""Two processes that share a network's weights (FSDP2 over gloo) do what one process does."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from tests.train.optimize.networks import ids_of, loss_of, tiny
from train.optimize.recipe import Averaging, Ema, Optimizer, Reptile, SkipSpikes
from train.optimize.weights import TrainedWeights

N_STEPS = 24
SPIKE = 22
CASES = {
    "adamw": {"kind": "adamw"},
    "muon": {"kind": "muon"},
    "adamw8bit": {"kind": "adamw8bit"},
}


def settings_of(case):
    return Optimizer(**CASES[case], clip=0.3, skip_spikes=SkipSpikes(window=30, sigmas=8.0))


def steps(network, weights, rank, world):
    """Norms, decisions, and all weights whole at the end; each rank has every second token of a batch."""
    results = []
    for step in range(N_STEPS):
        ids = ids_of(step)[rank::world]
        loss = loss_of(network, ids) * (100.0 if step == SPIKE else 1.0)
        loss.backward()
        whole = loss.detach().clone()
        if world > 1:
            dist.all_reduce(whole)
            whole /= world
        result = weights.step(0.02, whole)
        results.append((float(result.grad_norm), bool(result.skipped)))
    tensors = {name: tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor for name, tensor in weights.state().items()}
    return results, {name: tensor.detach().clone() for name, tensor in tensors.items()}


def make(case, network):
    return TrainedWeights(network, torch.float32, settings_of(case), Averaging(ema=Ema(decay=0.9), reptile=Reptile(epsilon=0.5, every_steps=5)), seed=1)


def worker(rank, world, port, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=world)
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (world,))
    for case in CASES:
        network = tiny(width=17)  # 17 and 51 rows: no rank has as many as the other
        fully_shard(network.up, mesh=mesh)
        fully_shard(network, mesh=mesh)
        found = steps(network, make(case, network), rank, world)
        torch.save(found, f"{folder}/{case}-{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def sharded(tmp_path_factory):
    """Results of both ranks, by case."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(worker, (2, port, str(folder)), nprocs=2)
    return {case: [torch.load(folder / f"{case}-{rank}.pt") for rank in range(2)] for case in CASES}


@pytest.mark.parametrize("case", CASES)
def test_two_ranks_take_the_steps_of_one(sharded, case):
    network = tiny(width=17)
    results, tensors = steps(network, make(case, network), 0, 1)
    (first, whole), (second, _) = sharded[case]
    assert first == second
    assert [norm for norm, _ in first] == pytest.approx([norm for norm, _ in results], rel=2e-3)
    assert [skipped for _, skipped in first] == [skipped for _, skipped in results] == [step == SPIKE for step in range(N_STEPS)]
    assert set(whole) == set(tensors)
    for name in ("weight.up.weight", "weight.down.weight", "weight.embedding.weight", "ema.head.weight", "weight.up.bias"):
        assert (whole[name] - tensors[name]).norm() < (0.02 if case == "muon" else 2e-3) * tensors[name].norm(), name
