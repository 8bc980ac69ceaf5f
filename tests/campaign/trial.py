"""One trial: start a command, strike it, look at what is left, run it again, compare."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.subjects import Subject
from tests.processes import descendants, marked, survivors

KINDS = ("kill group", "kill parent", "kill worker", "SIGTERM", "SIGINT")
"""SIGINT goes to the whole group, as from a terminal; SIGTERM to the command alone, as from a scheduler."""
_EXIT_CODES = {"SIGTERM": 143, "SIGINT": 130}
_MOST_SECONDS = 300
_UNFINISHED = re.compile(r"\..*\.tmp|.*\.part")
_NOT_OURS = "torchinductor_"
"""Torch's cache in the system's place for temporary files, for all its programs."""
_WORKERS = (b"multiprocessing.spawn", b"multiprocessing.forkserver", b"curate.extract.worker")


@dataclass
class Verdict:
    """What a trial came to. `struck` is false if the command had ended before its moment came, or had no worker then."""

    struck: bool = False
    early: bool = False
    """A signal came before the command could hear it, while Python started."""
    identical: bool = False
    refused: bool = False
    ended_after: float | None = None
    """Seconds, if the command ended before its moment came."""
    seconds: float = 0.0
    """From a signal to the end."""
    faults: list[str] = field(default_factory=list)


def strike(subject: Subject, kind: str, fraction: float, pick: int, whole: dict[str, str], seconds: float, folder: Path) -> Verdict:
    """Strike `subject` by `kind` after `fraction` of its `seconds`; `pick` chooses the worker. `folder` is new and holds the output."""
    verdict, out = Verdict(), folder / "out"
    scratch = Path(tempfile.mkdtemp(prefix="campaign-", dir="/tmp"))  # short, as sockets need it
    try:
        _start_and_strike(verdict, subject, kind, fraction * seconds, pick, out, scratch)
        _run_again(verdict, subject, out, scratch)
        if not verdict.refused:
            found = subject.result(out)
            verdict.identical = found == whole
            verdict.faults += [f"different: {name}" for name in sorted(found.keys() | whole.keys()) if found.get(name) != whole.get(name)]
        left = [path for path in folder.rglob("*") if _UNFINISHED.fullmatch(path.name)]
        left += [path for path in scratch.iterdir() if not path.name.startswith(_NOT_OURS)]
        verdict.faults += [f"left over: {path}" for path in left]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return verdict


def measure(subject: Subject, out: Path) -> float:
    """Run undisturbed into `out`; returns the seconds it took."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        done = subprocess.run([sys.executable, *subject.program(), str(out)], capture_output=True, text=True, env=os.environ | {"TMPDIR": scratch})
    if done.returncode:
        raise RuntimeError(f"{subject.name}: {done.stdout}{done.stderr}")
    return time.monotonic() - started


def _start_and_strike(verdict: Verdict, subject: Subject, kind: str, delay: float, pick: int, out: Path, scratch: Path) -> None:
    mark = uuid.uuid4().hex
    environment = os.environ | {"CPTKIT_TEST_MARK": mark, "TMPDIR": str(scratch)}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *subject.program(), str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        verdict.early = not _hears_signals(process.pid)
        struck = time.monotonic()
        verdict.struck = _hit(process, kind, pick)
        try:
            error = process.communicate(timeout=_MOST_SECONDS)[1]
        except subprocess.TimeoutExpired:
            verdict.faults.append(f"still ran {_MOST_SECONDS} s after the strike")
            error = ""
        verdict.seconds = time.monotonic() - struck
        if verdict.struck:
            _check_end(verdict, subject, kind, process.returncode, error.splitlines())
    else:
        verdict.ended_after = time.monotonic() - started
        process.communicate()
    alive = survivors(mark)
    if alive:
        verdict.faults.append(f"survivors: {sorted(alive)}")
        for pid in alive & marked(mark):
            os.kill(pid, signal.SIGKILL)


def _hit(process: "subprocess.Popen[str]", kind: str, pick: int) -> bool:
    if kind == "kill group":
        os.killpg(process.pid, signal.SIGKILL)
    elif kind == "kill parent":
        process.kill()
    elif kind == "SIGTERM":
        process.send_signal(signal.SIGTERM)
    elif kind == "SIGINT":
        os.killpg(process.pid, signal.SIGINT)
    else:
        workers = sorted(pid for pid in descendants(process.pid) if _is_worker(pid))
        if not workers:
            return False
        try:
            os.kill(random.Random(pick).choice(workers), signal.SIGKILL)
        except ProcessLookupError:
            return False
    return True


def _is_worker(pid: int) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return any(name in line for name in _WORKERS)


def _hears_signals(pid: int) -> bool:
    """Whether the command has got so far that it answers SIGTERM itself."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    return bool(int(re.search(r"SigCgt:\s*([0-9a-f]+)", status)[1], 16) >> (signal.SIGTERM - 1) & 1)  # type: ignore[index]


def _check_end(verdict: Verdict, subject: Subject, kind: str, code: int, lines: list[str]) -> None:
    """Exit code and words of a command that was struck, or had just ended by itself."""
    if kind in _EXIT_CODES and not verdict.early and code != 0:
        if code != _EXIT_CODES[kind]:
            verdict.faults.append(f"exit code {code} after {kind}: {lines}")
        if not 1 <= len(lines) <= subject.n_lines or "rerun the same command to resume" not in lines[-1]:
            verdict.faults.append(f"said {len(lines)} lines after {kind}: {lines}")
    if kind == "kill worker" and (code not in (0, 2) or len(lines) != (code == 2)):
        verdict.faults.append(f"exit code {code} after the end of a worker: {lines}")


def _run_again(verdict: Verdict, subject: Subject, out: Path, scratch: Path) -> None:
    command = [sys.executable, *subject.program(), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TMPDIR": str(scratch)}, timeout=_MOST_SECONDS)
    verdict.refused = done.returncode != 0
    if verdict.refused:
        verdict.faults.append(f"refused: exit code {done.returncode}: {done.stderr.strip()}")
