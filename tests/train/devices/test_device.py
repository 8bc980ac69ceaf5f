import pytest
import torch

from train.devices.device import choose_device, device_name
from train.devices.world import join_world
from train.errors import TrainError


class FakeCuda:
    """torch.cuda of a machine with `n` devices; keeps torch's rule that `set_device` needs an index."""

    def __init__(self, n, current=0):
        self.n, self.current = n, current
        self.set_device_real = torch.cuda.set_device

    def install(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: self.n > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: self.n)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: self.current)
        monkeypatch.setattr(torch.cuda, "set_device", self.set_device)
        monkeypatch.setattr(torch, "empty", self.empty)
        return self

    def set_device(self, device):
        if device.index is None:
            self.set_device_real(device)  # raises ValueError
        if device.index >= self.n:
            raise RuntimeError("CUDA error: invalid device ordinal\nmore lines")
        self.current = device.index

    def empty(self, *_, device):
        if device.type == "cuda" and not self.n:
            raise AssertionError("Torch not compiled with CUDA enabled")


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


def launch(monkeypatch, local_rank, n_processes):
    """The variables that torchrun sets."""
    values = {"RANK": local_rank, "WORLD_SIZE": n_processes, "LOCAL_RANK": local_rank, "LOCAL_WORLD_SIZE": n_processes}
    for name, value in values.items():
        monkeypatch.setenv(name, str(value))


def test_torch_itself_refuses_a_cuda_device_without_an_index():
    with pytest.raises(ValueError, match="specified index"):
        torch.cuda.set_device(torch.device("cuda"))


@pytest.mark.parametrize("name", ["auto", "cuda"])
@pytest.mark.parametrize("current", [0, 2])
def test_a_single_process_takes_the_current_device(monkeypatch, name, current):
    cuda = FakeCuda(3, current).install(monkeypatch)
    with join_world(name) as world:
        assert world.device == torch.device("cuda", current) and cuda.current == current


def test_a_device_with_an_index_becomes_the_current_one(monkeypatch):
    cuda = FakeCuda(3).install(monkeypatch)
    assert choose_device("cuda:2") == torch.device("cuda:2") and cuda.current == 2


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_under_torchrun_each_process_takes_the_device_of_its_local_rank(monkeypatch, name):
    cuda = FakeCuda(4).install(monkeypatch)
    launch(monkeypatch, 3, 4)
    assert choose_device(name) == torch.device("cuda:3") and cuda.current == 3


def test_a_device_beyond_those_of_the_machine_is_refused(monkeypatch):
    FakeCuda(1).install(monkeypatch)
    with pytest.raises(TrainError, match=r"device: cuda:7: only 1 CUDA device is visible \(cuda:0 to cuda:0\); .*CUDA_VISIBLE_DEVICES"):
        choose_device("cuda:7")


def test_more_processes_than_devices_are_refused(monkeypatch):
    FakeCuda(2).install(monkeypatch)
    launch(monkeypatch, 2, 4)
    with pytest.raises(TrainError, match="process 2 of the 4 on this machine needs cuda:2: only 2 CUDA devices are visible"):
        choose_device("auto")


def test_several_processes_cannot_share_one_device(monkeypatch):
    FakeCuda(2).install(monkeypatch)
    launch(monkeypatch, 1, 2)
    with pytest.raises(TrainError, match="device: cuda:0: 2 processes on this machine would share one device; use cuda"):
        choose_device("cuda:0")


def test_a_local_rank_that_is_no_number_is_named(monkeypatch):
    FakeCuda(2).install(monkeypatch)
    launch(monkeypatch, "first", 2)
    with pytest.raises(TrainError, match=r"'LOCAL_RANK': 'first'.* must be whole numbers"):
        choose_device("cuda")


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: out of memory\nmore"), AssertionError("no driver"), ValueError("?"), AttributeError("?")])
def test_whatever_torch_raises_for_a_device_becomes_one_line(monkeypatch, error):
    FakeCuda(1).install(monkeypatch)

    def fails(device):
        raise error

    monkeypatch.setattr(torch.cuda, "set_device", fails)
    with pytest.raises(TrainError, match=r"^device: cuda: not available on this machine \([^\n]*\); use auto or cpu$"):
        choose_device("cuda")


@pytest.mark.parametrize("name", ["cuda", "cuda:7"])
def test_cuda_without_a_device_is_refused(monkeypatch, name):
    FakeCuda(0).install(monkeypatch)
    with pytest.raises(TrainError, match=rf"device: {name}: not available on this machine \(Torch not compiled with CUDA enabled\); use auto or cpu"):
        choose_device(name)


@pytest.mark.parametrize("name", ["cuda:-1", "hpu", "nonsense", ""])
def test_names_that_torch_cannot_use_are_refused(name):
    with pytest.raises(TrainError, match=f"device: {name}: not available on this machine"):
        choose_device(name)


def test_the_meta_device_cannot_train():
    with pytest.raises(TrainError, match="device: meta: the trainer runs on CUDA and on the CPU only"):
        choose_device("meta")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="needs a machine without MPS")
def test_mps_is_refused():
    with pytest.raises(TrainError, match="device: mps: not available on this machine"):
        choose_device("mps")


def test_processes_that_cannot_be_reached_are_an_error_of_one_line(monkeypatch):
    launch(monkeypatch, 0, 2)
    monkeypatch.setattr("torch.distributed.distributed_c10d._group_count", 0)  # a failed start would leave its number taken for later groups
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TrainError, match=r"cannot join the others \(.*MASTER_.*\); start all of them with torchrun"), join_world("cpu"):
        pass


def test_the_name_of_the_hardware_is_the_gpus_or_the_processors_with_its_cores(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    assert device_name(torch.device("cuda", 1)) == "GPU 1"
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1}, raising=False)
    monkeypatch.setattr("train.devices.device._lines", lambda path: ["processor : 0", "model name\t: A Processor @ 2 GHz"])
    assert device_name(torch.device("cpu")) == "A Processor @ 2 GHz, 2 cores"
    monkeypatch.setattr("train.devices.device._lines", lambda path: [])
    assert device_name(torch.device("cpu")).endswith(", 2 cores")
