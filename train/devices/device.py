"""The device that a process trains on."""

import os
import platform

import torch

from train.errors import TrainError

_ERRORS = (RuntimeError, AssertionError, ValueError, AttributeError, ImportError)
"""What torch raises for a device that it does not know, was not built for, or cannot start."""


def choose_device(name: str) -> torch.device:
    """The device of this process, with its index if it is a CUDA device; that device is made the current one.

    `name` is the recipe's: auto, or a torch device name. Each process that torchrun started takes the CUDA device of its local rank; a single process
    takes the current CUDA device, unless `name` has an index. Raises TrainError for a device that is not available or that cannot train.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        _refuse_other_types(device)
        if device.type == "cuda":
            device = torch.device("cuda", _cuda_index(device))
            torch.cuda.set_device(device)
        torch.empty(1, device=device)
    except _ERRORS as error:
        raise TrainError(f"device: {name}: not available on this machine ({_first_line(error)}); use auto or cpu") from None
    return device


def _refuse_other_types(device: torch.device) -> None:
    if device.type not in ("cpu", "cuda"):
        torch.empty(1, device=device)  # a device that is missing is reported as missing
        raise TrainError(f"device: {device}: the trainer runs on CUDA and on the CPU only; use cuda, cpu or auto")


def _cuda_index(device: torch.device) -> int:
    """Number of the CUDA device that `device` stands for in this process. Raises TrainError if the machine has fewer devices, or if several processes
    would share one."""
    n_devices = torch.cuda.device_count()
    if n_devices == 0:
        torch.empty(1, device=device)  # raises torch's own reason: no driver, or a torch without CUDA
        raise TrainError(f"device: {device}: no CUDA device is visible; check CUDA_VISIBLE_DEVICES, or use cpu")
    local_rank, n_processes = _local_rank()
    if device.index is not None:
        if n_processes > 1:
            raise TrainError(f"device: {device}: {n_processes} processes on this machine would share one device; use cuda, and each takes its own")
        index, who = device.index, f"device: {device}"
    elif local_rank is not None:
        index, who = local_rank, f"device: cuda: process {local_rank} of the {n_processes} on this machine needs cuda:{local_rank}"
    else:
        return torch.cuda.current_device()
    if index >= n_devices:
        raise TrainError(f"{who}: only {n_devices} CUDA {'device is' if n_devices == 1 else 'devices are'} visible (cuda:0 to cuda:{n_devices - 1}); "
                         "start at most one process for each, or make more visible with CUDA_VISIBLE_DEVICES")  # fmt: skip
    return index


def _local_rank() -> tuple[int | None, int]:
    """This process's number on its machine, None without torchrun; and the number of processes there."""
    if not is_launched():
        return None, 1
    try:
        return int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    except ValueError:
        values = {name: os.environ.get(name) for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE")}
        raise TrainError(f"{values}: must be whole numbers; start several processes with torchrun") from None


def is_launched() -> bool:
    """Whether torchrun, or a launcher that sets the same variables, started this process."""
    return "WORLD_SIZE" in os.environ and "RANK" in os.environ


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def device_name(device: torch.device) -> str:
    """Name of the hardware: the GPU's, else the processor's with its number of usable cores."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{names[0] if names else platform.processor() or platform.machine()}, {n_cores} core{'s' if n_cores > 1 else ''}"


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
