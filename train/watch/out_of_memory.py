"""When memory runs out: one error line that says what would fit, from the planned memory and the measured memory."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from train.devices.world import World
from train.errors import TrainError
from train.plan.advice import remedies, summary
from train.plan.gpus import GIB
from train.plan.memory import MemoryPlanner
from train.recipe import TrainRecipe

_CPU_MESSAGES = ("not enough memory", "can't allocate memory")


@contextmanager
def advice_when_memory_runs_out(recipe: TrainRecipe, base: Path, row_tokens: int, world: World) -> Iterator[None]:
    """Turn an out-of-memory error (of CUDA, of torch on a CPU, or Python's) into a TrainError with advice."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        first_line = str(error).partition("\n")[0]
    except RuntimeError as error:
        if not any(message in str(error) for message in _CPU_MESSAGES):
            raise
        first_line = str(error).partition("\n")[0]
    else:
        return
    device = world.device
    what_fits = advice(recipe, base, row_tokens, device, world.size)
    raise TrainError(f"out of memory on {device}{_measured(device)} with {what_fits}") from MemoryError(first_line)


def advice(recipe: TrainRecipe, base: Path, row_tokens: int, device: torch.device, n_devices: int) -> str:
    """The recipe's micro-batch, its planned memory, and what would fit on the device."""
    planner = MemoryPlanner(base, row_tokens, on_gpu=device.type == "cuda")
    available = device_bytes(device)
    setting = f"micro_batch_rows: {recipe.micro_batch_rows}"
    try:
        planned = planner.memory(recipe, n_devices).total
        if planned <= available:  # the plan is too low, or other programs use the device: nothing better is known than to halve
            fewer = recipe.micro_batch_rows // 2
            less = f"halve micro_batch_rows to {fewer}" if fewer else "set activation_checkpointing: full, or use more devices"
            return f"{setting}, planned to take {planned / GIB:.1f} of {available / GIB:.1f} GiB; {less}, and rerun to resume"
        changes = summary(remedies(recipe, n_devices, available, planner.memory), n_devices)
        return f"{setting}, which takes {planned / GIB:.1f} of {available / GIB:.1f} GiB by the plan{changes}. Change it and rerun to resume"
    except TrainError:
        return f"{setting}; lower it, or set activation_checkpointing: full, and rerun to resume"


def device_bytes(device: torch.device) -> int:
    """Total memory of a CUDA device, or of this machine."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _measured(device: torch.device) -> str:
    if device.type != "cuda":
        return ""
    return f" ({torch.cuda.max_memory_allocated(device) / GIB:.1f} GiB of tensors when it ran out)"
