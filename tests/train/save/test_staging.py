import threading

import pytest
import torch

from tests.train.runs import go
from tests.train.save.test_checkpoint import IDENTITY
from train.devices.world import World, join_world
from train.save.checkpoint import CheckpointFacts, Checkpoints
from train.save.model import export_tensors
from train.save.staging import CpuStager, SavedWeights

CUDA = torch.device("cuda", 0)


@pytest.fixture
def pinned(monkeypatch):
    """Tensors that were page-locked; on a machine without CUDA they stay where they are."""
    made = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: made.append(tensor) or tensor)
    return made


def state():
    return {"weight.w": torch.rand(4, 3), "moment.w": torch.rand(4, 3), "weight.low.w": torch.rand(3).bfloat16(), "steps": torch.tensor(7)}


def test_states_of_a_gpu_are_copied_into_page_locked_memory_that_is_used_again(pinned):
    stager = CpuStager(CUDA)
    first = dict(stager.stage(one := state()))
    assert {name: tensor.equal(one[name]) for name, tensor in first.items()} == dict.fromkeys(one, True)
    assert len(pinned) == 3, "all but the scalar"
    second = stager.stage(other := state())
    assert len(pinned) == 3 and all(second[name] is tensor for name, tensor in first.items())
    assert all(second[name].equal(other[name]) for name in other)


def test_states_of_a_cpu_are_copied_anew_and_not_kept(pinned):
    stager, original = CpuStager(torch.device("cpu")), state()
    copy = stager.stage(original)
    assert stager.take() is copy and stager.take() == {} and not pinned
    assert all(copy[name].equal(tensor) and copy[name] is not tensor for name, tensor in original.items())


def test_without_page_locked_memory_the_copy_is_made_in_ordinary_memory(monkeypatch, caplog):
    def fails(tensor):
        raise RuntimeError("CUDA error: out of memory\nmore")

    monkeypatch.setattr(torch.Tensor, "pin_memory", fails)
    stager, original = CpuStager(CUDA), state()
    assert all(copied.equal(original[name]) for name, copied in stager.stage(original).items())
    assert "no page-locked memory for a copy of the state (CUDA error: out of memory), so training waits longer" in caplog.text
    caplog.clear()
    stager.stage(original)
    assert not caplog.text, "tried and said once"


def test_a_checkpoint_of_a_gpu_is_that_of_a_cpu(tmp_path, pinned):
    weights, held = state(), {}
    for name, device in (("cuda", CUDA), ("cpu", torch.device("cpu"))):
        checkpoints = Checkpoints(tmp_path / name, 2, World(device))
        for step in (1, 2):
            weights["weight.w"].fill_(step)
            facts = CheckpointFacts(step=step, tokens=1, next_row=1, identity=IDENTITY)
            checkpoints.save(facts, weights, lambda _, saved, name=name: held.update({name: float(saved["w"][0, 0])}))
            weights["weight.w"].fill_(9)
        checkpoints.wait(must_succeed=True)
        for step in (1, 2):
            checkpoints.load(tmp_path / name / f"step-{step:06d}", weights)
            assert bool((weights["weight.w"] == step).all())
    assert held == {"cuda": 2.0, "cpu": 2.0}
    assert len(pinned) == 3, "once for both checkpoints"


def test_weights_of_a_sharded_state_are_read_whole_from_its_files(tmp_path):
    with join_world("cpu", alone=True) as world:
        from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

        mesh = init_device_mesh("cpu", (1,))
        whole = torch.rand(4, 3)
        sharded = {"weight.w": distribute_tensor(whole, mesh, [Shard(0)]), "weight.low.w": torch.ones(2), "moment.w": torch.zeros(2)}
        found = {}
        checkpoints = Checkpoints(tmp_path, 1, world)
        checkpoints.save(CheckpointFacts(step=1, tokens=1, next_row=1, identity=IDENTITY), sharded, lambda _, saved: found.update(saved))
        checkpoints.wait(must_succeed=True)
    assert found.keys() == {"w", "low.w"} and type(found["w"]) is torch.Tensor and found["w"].equal(whole)
    assert SavedWeights({}, tmp_path).get("w") is None


@pytest.mark.parametrize("changes", [{}, {"sharding": {"always": True}}, {"precision": "bf16", "optimizer": {"lr": 0.01, "weights": "kahan"}}])
def test_the_model_of_a_checkpoint_is_written_by_another_thread_from_the_weights_of_its_step(write_recipe, tmp_path, monkeypatch, changes):
    threads = []

    def exported(*arguments, **settings):
        threads.append(threading.current_thread())
        return export_tensors(*arguments, **settings)

    monkeypatch.setattr("train.save.exporter.export_tensors", exported)
    go(write_recipe(steps=3, checkpoint={"every_steps": 2}, schedule={"kind": "constant"}, **changes))
    assert len(threads) == 1 and threads[0] is not threading.main_thread()
    go(write_recipe(steps=2, schedule={"kind": "constant"}, **changes), f"out={tmp_path / 'short'}")
    names = "checkpoints/step-000002/model.safetensors", "model/model.safetensors"
    assert (tmp_path / "run" / names[0]).read_bytes() == (tmp_path / "short" / names[1]).read_bytes()
    assert (tmp_path / "run" / names[0]).read_bytes() != (tmp_path / "run" / names[1]).read_bytes()
