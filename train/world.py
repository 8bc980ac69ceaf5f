"""The processes that train together: one for each device, started by `torchrun`, or this one alone."""

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
"""Longest wait for another process: reading a mix over the network or loading a large model can take minutes."""


@dataclass(frozen=True)
class World:
    """This process's number among `size`, and its device. `save_group` is a group of its own, so that checkpoints are written beside training."""

    device: torch.device
    rank: int = 0
    size: int = 1
    save_group: Any = None

    @property
    def is_main(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    @property
    def is_joined(self) -> bool:
        """Whether there is a process group, which may have one member."""
        return self.save_group is not None

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor over all processes, in place. Doesn't wait for a CUDA device."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def from_main(self, function: Callable[[], T]) -> T:
        """What `function` gives on the main process, on all of them; an error that is for the user too."""
        if self.size == 1:
            return function()
        told: list[Any] = [None, None]
        if self.is_main:
            try:
                told[0] = function()
            except CptkitError as error:
                told[1] = error
        dist.broadcast_object_list(told, src=0, group=self.save_group)
        if told[1] is not None:
            raise told[1]
        return told[0]

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier(group=self.save_group)


def is_launched() -> bool:
    """Whether torchrun, or a launcher that sets the same variables, started this process."""
    return "WORLD_SIZE" in os.environ and "RANK" in os.environ


@contextmanager
def join_world(device: str, *, alone: bool = False) -> Iterator[World]:
    """The world inside, left at the end. `device` is a recipe's: auto, or a torch device name; under torchrun each process takes the CUDA device
    of its local rank. With `alone` a process that was not launched makes a group of one. Raises TrainError for a device that is not there."""
    launched = is_launched()
    one = _device(device, int(os.environ.get("LOCAL_RANK", "0")) if launched else None)
    if not launched and not alone:
        yield World(one)
        return
    backend = "cpu:gloo,cuda:nccl" if one.type == "cuda" else "gloo"
    if launched:
        dist.init_process_group(backend, timeout=_TIMEOUT)
    else:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield World(one, dist.get_rank(), dist.get_world_size(), dist.new_group(backend="gloo", timeout=_TIMEOUT))
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
        raise TrainError(f"device: {name}: not to be had here ({str(error).splitlines()[0]}); use auto or cpu") from None
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device
