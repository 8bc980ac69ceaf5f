"""The processes that train together: one per device, started by `torchrun`, or a single process."""

import datetime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from shards.errors import CptkitError
from train.devices.device import choose_device, is_launched
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


@contextmanager
def join_world(device: str, *, alone: bool = False) -> Iterator[World]:
    """Join the process group of torchrun, and leave it at the end. `device` is the recipe's: auto, or a torch device name; see
    `train.devices.device.choose_device`. With `alone`, a process that torchrun did not start makes a group of one. Raises TrainError for a device that is not
    available, and if the other processes cannot be reached."""
    launched = is_launched()
    torch_device = choose_device(device)
    if not launched and not alone:
        yield World(torch_device)
        return
    _init_process_group("cpu:gloo,cuda:nccl" if torch_device.type == "cuda" else "gloo", launched)
    try:
        yield World(torch_device, dist.get_rank(), dist.get_world_size(), dist.new_group(backend="gloo", timeout=_TIMEOUT))
    finally:
        dist.destroy_process_group()


def _init_process_group(backend: str, launched: bool) -> None:
    if not launched:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
        return
    try:
        dist.init_process_group(backend, timeout=_TIMEOUT)
    except (RuntimeError, ValueError) as error:
        raise TrainError(f"this process cannot join the others ({str(error).splitlines()[0]}); start all of them with torchrun") from None
