"""The project's commands as other processes: how they are found and started, and what is told of their end."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mix.errors import MixError
from shards.processes import killed_with_parent

_TAIL_BYTES = 1 << 16
_MOST_CHARACTERS = 500


def executable(name: str) -> str:
    """Path of a command of this project: that of the running Python's environment, or else of PATH. Raises MixError if there is none."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise MixError(f"no command {name} beside {sys.executable} or in PATH; proxies need cptkit with its extras train and eval")
    return found


def start(words: Sequence[str], recipe: Path, log: Path, gpu: str | None = None) -> "subprocess.Popen[bytes]":
    """Start a command on a recipe; all that it prints goes to `log`. It ends with this process, and a Ctrl-C at the terminal does not reach it.

    `gpu` is the only GPU that it sees; None: all.
    """
    environment = os.environ if gpu is None else os.environ | {"CUDA_VISIBLE_DEVICES": gpu}
    with log.open("wb") as output:
        return subprocess.Popen(
            [executable(words[0]), *words[1:], str(recipe), "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            process_group=0,
            preexec_fn=partial(killed_with_parent, os.getpid()),
        )


def problem(code: int, log: Path) -> str:
    """Why a command with this exit code failed, in one line: its last error, or the signal that killed it."""
    if code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}{', as the system does when memory runs out' if -code == signal.SIGKILL else ''}"
    lines = [line.strip() for line in _tail(log).splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if line.startswith("error:")), lines[-1] if lines else f"ended with exit code {code}")
    return last.removeprefix("error:").strip()[:_MOST_CHARACTERS]


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        return file.read().decode(errors="replace")
