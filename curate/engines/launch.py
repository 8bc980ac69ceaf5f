"""A stage handed to a launcher: its jobs in a file, and a result or an error in a file for each task.

datatrove's executors start ranks and know which of them ended; they are not asked what was done. A rank takes its share of the tasks,
fixed by their order, catches what each raises, and fails at its end if any did, so that a launcher that retries finds work left. What counts
is each task's commit in its stage, so half a rank is not lost, and statistics come from the commits, however often a run was resumed.
"""

import os
import pickle
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from shards.atomic import write_atomically
from shards.errors import CptkitError
from shards.record import json_hash, read_record, write_record
from shards.stages import Stage

_JOBS = "jobs.pickle"
_RESULTS = re.compile(r"\d+(\.json)?")
_RECORDS = re.compile(r"[a-z]+-[0-9a-f]{16}\.slurm\.json")
_LAUNCHES = re.compile(r"[a-z]+-[0-9a-f]{16}-[0-9a-f]{8}")


class TaskFailed(RuntimeError):
    """A task on another machine raised something that is not for the user: type and message."""


@dataclass(frozen=True)
class Launch:
    """The folder of one launch; all nodes see it under the same path."""

    folder: Path

    @classmethod
    def write(cls, parent: Path, function: Callable[[Any], Any], jobs: Mapping[int, Any], stage: Stage) -> "Launch":
        """Write the jobs. The folder's name tells stage and tasks; results of an earlier try of the same are forgotten."""
        launch = cls(Path(parent).resolve() / f"{stage.folder.name}-{json_hash(sorted(jobs))[:8]}")
        (launch.folder / "results").mkdir(parents=True, exist_ok=True)
        for stale in [*launch.folder.glob("results/*"), *launch.folder.glob("completions/*")]:
            if _RESULTS.fullmatch(stale.name):
                stale.unlink()
        write_atomically(launch.folder / "jobs.pickle", pickle.dumps((os.getcwd(), function, dict(jobs))))
        return launch

    def results(self, seen: set[int]) -> Iterator[tuple[int, Any]]:
        """Results that came in since; adds their numbers to `seen`."""
        for path in sorted((self.folder / "results").glob("*.json")):
            number = int(path.stem)
            if number not in seen:
                seen.add(number)
                yield number, _result(_record(path))


def remove_launches(parent: Path) -> None:
    """Delete the launches in `parent` that are ours, which hold their jobs in a file, and `parent` if nothing else is there."""
    for folder in parent.iterdir() if parent.is_dir() else ():
        if _LAUNCHES.fullmatch(folder.name) and (folder / _JOBS).is_file() and not folder.is_symlink():
            shutil.rmtree(folder)
    for record in parent.glob("*.slurm.json"):
        if _RECORDS.fullmatch(record.name):
            record.unlink()
    with suppress(OSError):
        parent.rmdir()


@dataclass(frozen=True)
class RankStep:
    """The one step of the pipeline that datatrove runs: this rank's share of the tasks."""

    folder: str

    def __call__(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        """Run the share; raises TaskFailed at the end if a task failed."""
        folder = Path(self.folder)
        here, function, jobs = pickle.loads((folder / _JOBS).read_bytes())
        os.chdir(here)
        failed = 0
        for number in sorted(jobs)[rank::world_size]:
            path = folder / "results" / f"{number}.json"
            if path.exists() and "error" not in _record(path):
                continue
            record = _attempt(function, jobs[number])
            failed += "error" in record
            write_record(path, record)
        if failed:
            raise TaskFailed(f"{failed} tasks of rank {rank} failed; their errors are in {folder / 'results'}")


def missing(jobs: Mapping[int, Any], seen: set[int], logs: Path) -> Iterator[tuple[int, Exception]]:
    """An error for each task that ended without a word: its process was killed, by time or memory most often."""
    for number in sorted(set(jobs) - seen):
        yield number, CurateError(f"task {number} ended without a result, as when it is killed for its time or memory; see {logs}; rerun to resume")


def _attempt(function: Callable[[Any], Any], job: Any) -> dict[str, Any]:
    try:
        return {"result": function(job)}
    except CptkitError as error:
        return {"error": str(error), "type": None}
    except Exception as error:
        return {"error": str(error), "type": type(error).__name__}


def _record(path: Path) -> dict[str, Any]:
    return read_record(path, dict[str, Any], error=CurateError, remedy=f"delete {path.parent.parent} and rerun")


def _result(record: dict[str, Any]) -> Any:
    if "error" not in record:
        return record.get("result")
    return CurateError(record["error"]) if record.get("type") is None else TaskFailed(f"{record['type']}: {record['error']}")
