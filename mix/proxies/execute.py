"""Runs on this machine: several at a time, each step a command of the project, every change of state in the ledger.

Any number of processes may work on one output folder: a run belongs to whoever holds the lock of its folder, and one that another process has finished
is not run again.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from mix.proxies import commands
from mix.proxies.ledger import Entry, Ledger
from mix.proxies.plan import Run, Step
from mix.runs.proxy import FILE as PROXY_FILE
from mix.runs.proxy import write_proxy
from shards import console
from shards.folder import claim, output_folder, write_owned
from shards.lock import HeldError
from shards.signals import EXIT_CODES, exit_by

_POLL_SECONDS = 0.05
_HELD_SECONDS = 1.0
_MERGED_MARK = "merge.json"
"""`train merge` writes its folder whole or not at all, with this file in it."""


@dataclass
class _Active:
    """A run that this process works on: its lock, the step that runs, and when that started."""

    run: Run
    folder: Path
    lock: ExitStack
    slot: int
    process: "subprocess.Popen[bytes] | None" = None
    step: Step | None = None
    started: float = 0.0


@dataclass
class Execution:
    """Executes runs with `workers` slots. `folder_of` is the folder of a run by its name; each slot's commands see one of `gpus`, or all if there is
    none."""

    ledger: Ledger
    folder_of: Callable[[str], Path]
    workers: int
    gpus: Sequence[str] = ()
    replaced: Path = Path("replaced")
    errors: dict[str, str] = field(default_factory=dict)
    """Error of each failed run."""
    _active: list[_Active] = field(default_factory=list)
    _held_until: float = 0.0

    def execute(self, runs: Sequence[Run]) -> None:
        """Do all runs, those that others need first. A failed run does not stop the others; `errors` names it. On SIGINT or SIGTERM the running commands
        are asked to stop, which `train` does after saving, and the process exits as these signals request."""
        entries = self.ledger.read()
        waiting, done = list(runs), {run.name for run in runs if self._steps_done(run, entries[run.name]) == run.keys}
        with console.progress("proxies", len(runs)) as meter, _signals() as received:
            try:
                while (waiting or self._active) and not received:
                    self._start_ready(waiting, done)
                    self._poll(done)
                    ended = len(runs) - len(waiting) - len(self._active)
                    if ended > meter.done:
                        meter.advance(ended - meter.done)
                    time.sleep(_POLL_SECONDS)
            finally:
                self._stop()
        if received:
            exit_by(received[0])

    def _start_ready(self, waiting: list[Run], done: set[str]) -> None:
        """Start runs while slots are free; drop from `waiting` what is done or can't be run."""
        for run in list(waiting):
            failed = [name for name in run.needs if name in self.errors]
            if failed:
                self._fail(run.name, None, f"needs {failed[0]}, which failed")
            elif run.name not in done:
                free = sorted(set(range(self.workers)) - {active.slot for active in self._active})
                if not free or not done.issuperset(run.needs) or not self._start(run, free[0], done):
                    continue
            waiting.remove(run)

    def _start(self, run: Run, slot: int, done: set[str]) -> bool:
        """Take a run's folder and start its first open step; False if another process holds it."""
        if time.monotonic() < self._held_until:
            return False
        folder, lock = self.folder_of(run.name), ExitStack()
        logs = [f"{Path(step.file).stem}.log" for step in run.steps]
        try:
            lock.enter_context(output_folder(folder, [PROXY_FILE, *(step.file for step in run.steps), *logs]))
        except HeldError:
            self._held_until = time.monotonic() + _HELD_SECONDS
            return False
        with _closed_after_error(lock):
            claim(folder, logs)
            entry = self.ledger.read()[run.name]
            finished = self._steps_done(run, entry)
            if finished == run.keys:
                lock.close()
                done.add(run.name)
                return True
            self.ledger.update(run.name, status="running", starts=entry.starts + 1, error=None, step=None, done=finished)
            self._write_recipes(run, folder, entry.begun)
        active = _Active(run, folder, lock, slot)
        self._active.append(active)
        self._next_step(active, done)
        return True

    def _steps_done(self, run: Run, entry: Entry) -> dict[str, str]:
        """Keys of the steps that are done as planned, and whose output still exists."""
        folder = self.folder_of(run.name)
        return {step.name: step.key for step in run.steps if entry.done.get(step.name) == step.key and (folder / step.output).exists()}

    def _write_recipes(self, run: Run, folder: Path, begun: dict[str, str]) -> None:
        """Write the recipes of a run, and move away the outputs of other ones, which their commands would refuse."""
        for step in run.steps:
            output = folder / step.output
            if step.command[0] == "train" and output.exists() and begun.get(step.name, step.key) != step.key:
                target = _free(self.replaced / f"{run.name}-{begun[step.name][:8]}" / step.output)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.rename(output, target)
                logging.info("%s: its recipe changed; what it had is in %s", run.name, target)
            write_owned(folder / step.file, step.text())
        claim(folder, [PROXY_FILE])
        write_proxy(folder, run.proxy)

    def _next_step(self, active: _Active, done: set[str]) -> None:
        """Start the first step that is not done, or end the run."""
        run, entry = active.run, self.ledger.read()[active.run.name]
        for step in run.steps:
            if entry.done.get(step.name) == step.key:
                continue
            if step.command == ("train", "merge") and (active.folder / step.output / _MERGED_MARK).exists() and entry.begun.get(step.name) == step.key:
                entry = self.ledger.update(run.name, done=entry.done | {step.name: step.key})
                continue
            self.ledger.update(run.name, step=step.name, begun=entry.begun | {step.name: step.key})
            gpu = self.gpus[active.slot % len(self.gpus)] if self.gpus else None
            active.step, active.started = step, time.monotonic()
            active.process = commands.start(step.command, active.folder / step.file, active.folder / f"{Path(step.file).stem}.log", gpu)
            return
        self._finish(active)
        self.ledger.update(run.name, status="done", step=None)
        done.add(run.name)
        logging.info("%s: done in %.0f s", run.name, sum(self.ledger.read()[run.name].seconds.values()))

    def _poll(self, done: set[str]) -> None:
        """Look which commands have ended."""
        for active in list(self._active):
            code = active.process.poll() if active.process is not None else None
            if code is None or active.step is None:
                continue
            if code:
                problem = commands.problem(code, active.folder / f"{Path(active.step.file).stem}.log")
                self._finish(active)
                self._fail(active.run.name, active.step.name, problem)
                continue
            entry = self.ledger.read()[active.run.name]
            seconds = entry.seconds | {active.step.name: round(time.monotonic() - active.started, 1)}
            self.ledger.update(active.run.name, done=entry.done | {active.step.name: active.step.key}, seconds=seconds)
            self._next_step(active, done)

    def _finish(self, active: _Active) -> None:
        self._active.remove(active)
        active.lock.close()

    def _fail(self, name: str, step: str | None, problem: str) -> None:
        self.errors[name] = problem
        self.ledger.update(name, status="failed", step=step, error=problem)
        logging.warning("%s: %s%s", name, f"{step}: " if step else "", problem)

    def _stop(self) -> None:
        """End the running commands; what they finished is kept."""
        for active in self._active:
            if active.process is not None:
                active.process.terminate()
        for active in list(self._active):
            if active.process is not None:
                active.process.wait()
            self._finish(active)
            self.ledger.update(active.run.name, status="planned")


def _free(path: Path) -> Path:
    """The path, or with a number where it is taken."""
    number = 1
    candidate = path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate


@contextmanager
def _closed_after_error(lock: ExitStack) -> Iterator[None]:
    try:
        yield
    except BaseException:
        lock.close()
        raise


@contextmanager
def _signals() -> Iterator[list[str]]:
    """A list that receives the names of signals; a second signal ends the process at once, and with it its commands."""
    received: list[str] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            os._exit(EXIT_CODES[signal.Signals(number)])
        received.append(signal.Signals(number).name)

    usual = signal.set_wakeup_fd(-1)  # the watcher that ends other commands at once must not see the first signal
    before = {number: signal.getsignal(number) for number in EXIT_CODES}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(usual, warn_on_full_buffer=False)
