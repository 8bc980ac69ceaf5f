"""Starts a run on several processes of this machine, one per GPU, through torch's elastic launcher, as `torchrun --standalone` does.

The processes run the `train` command itself, with the code of this process: a `train.py` in the current folder, which `torchrun -m train` would run
instead, is never looked at. Rank 0 writes to the terminal; the others write to temporary files, which are shown if one of them fails first.
"""

import dataclasses
import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from shards.processes import killed_with_parent
from shards.signals import exit_by
from train.devices.world import World, is_launched
from train.errors import TrainError
from train.recipe import TrainRecipe
from train.run import check_recipe

LAUNCHER = "CPTKIT_LAUNCHER"
"""Environment variable of the processes that this module starts: the pid of the process that started them."""

_ROOT = Path(__file__).parents[2]
_SIGNALS = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"
"""Signals that are passed on to the processes, which then save and end."""
_SAVE_SECONDS = 1800
"""Time that processes have to save after a signal, before they are killed. Versions of torch without this setting (2.11) give them 30 seconds."""
_SHOWN_LINES = 20


def processes_for(recipe: TrainRecipe, wanted: int | None) -> int:
    """Number of processes to start: `wanted`, else one per GPU if the recipe's device is `auto` or `cuda`, else 1. 1 if a launcher started this process.

    Raises TrainError if `wanted` is given under a launcher, or exceeds the number of GPUs.
    """
    if is_launched():
        if wanted is not None and LAUNCHER not in os.environ:
            raise TrainError("--processes: torchrun has already started this process; leave the option out")
        return 1
    n_gpus = torch.cuda.device_count() if recipe.device in ("auto", "cuda") and torch.cuda.is_available() else 0
    if wanted is None:
        return max(1, n_gpus)
    if n_gpus and wanted > n_gpus:
        raise TrainError(f"--processes {wanted}: this machine has {n_gpus} GPUs; use at most {n_gpus}, or device: cpu")
    return wanted


def launch(recipe: TrainRecipe, n_processes: int, arguments: Sequence[str]) -> None:
    """Run `train` with `arguments` on `n_processes` processes and wait for their end.

    Exits as the processes did: with 128 plus the number of a signal that this process received, or with the exit code of the process that failed first.
    Raises TrainError, before anything starts, if the recipe does not fit the number of processes.
    """
    check_recipe(recipe, World(torch.device("cpu"), 0, n_processes))
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    _silence_torch()
    signal.set_wakeup_fd(-1)  # signals go to the processes, which save first, instead of ending this one
    with tempfile.TemporaryDirectory(prefix="cptkit-train-") as logs:
        try:
            with _environment(n_processes):
                elastic_launch(_config(n_processes, logs), sys.executable)("-P", "-m", "train", *arguments)
        except SignalException as error:
            exit_by(error.sigval.name)
            sys.exit(0 if error.sigval == signal.SIGUSR1 else 128 + error.sigval)
        except ChildFailedError as error:
            sys.exit(_explained(error, Path(logs)))


def end_with_launcher() -> None:
    """In a process that `launch` started: end at once if the launcher is killed."""
    if LAUNCHER in os.environ:
        killed_with_parent(int(os.environ[LAUNCHER]))


def _config(n_processes: int, logs: str) -> Any:
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, Std
    from torch.distributed.launcher.api import LaunchConfig

    optional: dict[str, Any] = {"shutdown_timeout": int(os.environ.get("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", _SAVE_SECONDS))}
    known = {field.name for field in dataclasses.fields(LaunchConfig)}
    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=n_processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        local_addr="localhost",
        signals_to_handle=_SIGNALS,
        logs_specs=DefaultLogsSpecs(log_dir=logs, redirects={rank: Std.ALL for rank in range(1, n_processes)}),
        **{name: value for name, value in optional.items() if name in known},
    )


class _environment:
    """Context in which started processes import this process's code, share the CPU's cores, and know their launcher."""

    def __init__(self, n_processes: int) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        self._changes = {"PYTHONPATH": path, LAUNCHER: str(os.getpid())}
        if "OMP_NUM_THREADS" not in os.environ:
            self._changes["OMP_NUM_THREADS"] = str(max(1, cores // n_processes))

    def __enter__(self) -> None:
        self._before = {name: os.environ.get(name) for name in self._changes}
        os.environ.update(self._changes)

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _silence_torch() -> None:
    """Keep torch's own reports of failed processes off the terminal, unless everything is logged."""
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        return
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("torch.distributed.elastic", "torch.distributed.launcher")):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _explained(error: Any, logs: Path) -> int:
    """Exit code of the process that failed first. Logs the end of its output if that did not go to the terminal. Raises TrainError if a signal ended it."""
    rank, failure = error.get_first_failure()
    if rank:
        for path in sorted(logs.rglob(f"{rank}/stderr.log")):
            logging.error("process %d: %s", rank, "\n".join(path.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]))
    if failure.exitcode < 0:
        raise TrainError(f"process {rank} was ended by {signal.Signals(-failure.exitcode).name}; rerun the same command to resume")
    return failure.exitcode
