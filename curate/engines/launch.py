"""The files by which an external launcher runs a stage: the jobs in one file, and one result or error file per task.

datatrove's executors start ranks and know which ranks ended; they are not asked what was done. A rank runs a fixed share of the tasks, catches what
each raises, and fails at its end if any task failed, so that a launcher that retries ranks finds the work left. Only a task's commit in its stage
counts as done: half a finished rank is not lost, and statistics come from the commits, however often a run was resumed.
"""

import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from curate.errors import CurateError
from shards.atomic import write_atomically
from shards.errors import CptkitError
from shards.folder import RECORD_NAME, claim, recorded, remove_recorded, remove_temporaries
from shards.record import json_hash, read_record, write_record
from shards.stages import Stage

_JOBS = "jobs.pickle"
_EXECUTOR_FILES = ("executor.json", "executor.pik", "launch_script.slurm", "ranks_to_run.json", "stats.json")
_RANK_FILES = ("completions/{rank:05d}", "logs/task_{rank:05d}.log", "stats/{rank:05d}.json")
"""What datatrove's executors write into their folder."""


class TaskFailed(RuntimeError):
    """A task on another machine raised an error that is not a CptkitError; the message holds its type and text."""


@dataclass(frozen=True)
class Launch:
    """The folder of one launch, which all nodes see under the same path."""

    folder: Path

    @classmethod
    def write(cls, parent: Path, function: Callable[[Any], Any], jobs: Mapping[int, Any], stage: Stage, n_ranks: int) -> "Launch":
        """Write the jobs, after deleting results of an earlier launch of the same tasks. The folder is named after the stage and the tasks.

        The names of all its files are recorded in `parent`. Raises ShardError if one of them is taken by a file that is not ours.
        """
        launch = cls(Path(parent).resolve() / f"{stage.folder.name}-{json_hash(sorted(jobs))[:8]}")
        for stale in ("results", "completions"):
            remove_recorded(launch.folder.parent, f"{launch.folder.name}/{stale}")
        names = [_JOBS, *(f"results/{number}.json" for number in jobs), *_EXECUTOR_FILES]
        names += [name.format(rank=rank) for name in _RANK_FILES for rank in range(n_ranks)]
        claim(launch.folder.parent, [f"{launch.folder.name}/{name}" for name in names])
        (launch.folder / "results").mkdir(parents=True, exist_ok=True)
        write_atomically(launch.folder / _JOBS, pickle.dumps((os.getcwd(), function, dict(jobs))))
        return launch

    def results(self, seen: set[int]) -> Iterator[tuple[int, Any]]:
        """New results and errors by task number; adds their numbers to `seen`."""
        for path in sorted((self.folder / "results").glob("*.json")):
            number = int(path.stem)
            if number not in seen:
                seen.add(number)
                yield number, _result(_record(path))


def remove_launches(parent: Path) -> None:
    """Delete the files of launches that the record in `parent` names, and the folders that this leaves empty."""
    names = [PurePosixPath(name) for name in recorded(parent)]
    for folder in {name.parent for name in names}:
        remove_temporaries(parent / folder, {name.name for name in names if name.parent == folder})
    for top in {name.parts[0] for name in names}:
        remove_recorded(parent, top)
    (parent / RECORD_NAME).unlink(missing_ok=True)
    with suppress(OSError):
        parent.rmdir()


@dataclass(frozen=True)
class RankStep:
    """The only step of the pipeline that datatrove runs: this rank's share of the tasks."""

    folder: str

    def __call__(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        """Run the share. Raises TaskFailed at the end if a task failed."""
        folder = Path(self.folder)
        working_folder, function, jobs = pickle.loads((folder / _JOBS).read_bytes())
        os.chdir(working_folder)
        n_failed = 0
        for number in sorted(jobs)[rank::world_size]:
            path = folder / "results" / f"{number}.json"
            if path.exists() and "error" not in _record(path):
                continue
            record = _attempt(function, jobs[number])
            n_failed += "error" in record
            write_record(path, record)
        if n_failed:
            raise TaskFailed(f"{n_failed} tasks of rank {rank} failed; their errors are in {folder / 'results'}")


def missing(jobs: Mapping[int, Any], seen: set[int], logs: Path) -> Iterator[tuple[int, Exception]]:
    """An error for each task that left neither result nor error: most often its process was killed for its time or memory."""
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
