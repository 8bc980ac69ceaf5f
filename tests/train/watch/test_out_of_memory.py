import pytest
import torch

from shards.recipe import load_recipe
from train.devices.world import World
from train.errors import TrainError
from train.plan.gpus import GIB
from train.recipe import TrainRecipe
from train.run import run
from train.session import Session
from train.watch import out_of_memory
from train.watch.out_of_memory import advice_when_memory_runs_out

CPU = World(torch.device("cpu"))


@pytest.fixture
def recipe(write_recipe):
    return load_recipe(write_recipe(), TrainRecipe)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried"), MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")])
def test_running_out_of_memory_is_one_line_with_what_would_fit(recipe, base, monkeypatch, error):
    monkeypatch.setattr(out_of_memory, "device_bytes", lambda device: 700_000)
    with pytest.raises(TrainError) as told, advice_when_memory_runs_out(recipe, base, 48, CPU):
        raise error
    begin = "out of memory on cpu with micro_batch_rows: 4, which takes 0.0 of 0.0 GiB by the plan; it would fit with micro_batch_rows: "
    assert str(told.value).startswith(begin)
    assert "would fit" in str(told.value) and "rerun to resume" in str(told.value) and "\n" not in str(told.value)


def test_a_plan_that_fits_says_to_halve(recipe, base, monkeypatch):
    monkeypatch.setattr(out_of_memory, "device_bytes", lambda device: 64 * GIB)
    with pytest.raises(TrainError, match="halve micro_batch_rows to 2, and rerun to resume"), advice_when_memory_runs_out(recipe, base, 48, CPU):
        raise MemoryError


def test_other_errors_pass(recipe, base):
    with pytest.raises(RuntimeError, match="shapes differ"), advice_when_memory_runs_out(recipe, base, 48, CPU):
        raise RuntimeError("shapes differ")


def test_a_run_that_runs_out_of_memory_in_a_step_ends_so(recipe, monkeypatch):
    def burst(self, report):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Session, "after_step", burst)
    with pytest.raises(TrainError, match="out of memory on cpu with micro_batch_rows: 4"):
        run(recipe)
