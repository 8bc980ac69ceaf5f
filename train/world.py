"""The processes that train together: one per device, started by `torchrun`, or a single process."""

import datetime
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from shards.errors import CptkitError
from train.errors import TrainError

T = TypeVar("T")

_TIMEOUT = datetime.timedelta(minutes=30)
"""Upper limit of the wait for another process: reading a mix over the network or loading a large model can take minutes."""


@dataclass(frozen=True)
class World:
    """This process's rank among `size`, and its device. `save_group` is a separate process group, so that checkpoints are written during training."""

    device: torch.device
    rank: int = 0
    size: int = 1
    save_group: Any = None

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files that are written once per run."""
        return self.rank == 0

    @property
    def is_joined(self) -> bool:
        """Whether there is a process group; it may have a single member."""
        return self.save_group is not None

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over all processes, in place. Does not wait for a CUDA device."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def from_main(self, function: Callable[[], T]) -> T:
        """Call `function` on the main process and return its result on all processes. A CptkitError is raised on all of them, too."""
        if self.size == 1:
            return function()
        result: list[Any] = [None, None]  # value, error
        if self.is_main:
            try:
                result[0] = function()
            except CptkitError as error:
                result[1] = error
        dist.broadcast_object_list(result, src=0, group=self.save_group)
        if result[1] is not None:
            raise result[1]
        return result[0]

    def barrier(self) -> None:
        """Wait until every process has reached this call."""
        if self.size > 1:
            dist.barrier(group=self.save_group)


def is_launched() -> bool:
    """Whether torchrun, or a launcher that sets the same variables, started this process."""
    return "WORLD_SIZE" in os.environ and "RANK" in os.environ


@contextmanager
def join_world(device: str, *, alone: bool = False) -> Iterator[World]:
    """Join the process group of torchrun, and leave it at the end. `device` is the recipe's: auto, or a torch device name; under torchrun each process
    takes the CUDA device of its local rank. With `alone`, a process that torchrun did not start makes a group of one. Raises TrainError for a device
    that is not available."""
    launched = is_launched()
    torch_device = _device(device, int(os.environ.get("LOCAL_RANK", "0")) if launched else None)
    if not launched and not alone:
        yield World(torch_device)
        return
    backend = "cpu:gloo,cuda:nccl" if torch_device.type == "cuda" else "gloo"
    if launched:
        dist.init_process_group(backend, timeout=_TIMEOUT)
    else:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield World(torch_device, dist.get_rank(), dist.get_world_size(), dist.new_group(backend="gloo", timeout=_TIMEOUT))
    finally:
        dist.destroy_process_group()


def _device(name: str, local_rank: int | None) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and local_rank is not None:
        name = f"cuda:{local_rank}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TrainError(f"device: {name}: not available on this machine ({str(error).splitlines()[0]}); use auto or cpu") from None
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device
