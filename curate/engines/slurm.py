"""Stages as Slurm job arrays, launched by datatrove's SlurmPipelineExecutor.

The command runs on the submitting machine, waits, and shows progress. If it is killed, the jobs continue, and a rerun waits for them
before it submits the missing tasks.
"""

import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datatrove.executor.slurm import SlurmPipelineExecutor

from curate.engines.launch import Launch, RankStep, missing
from curate.engines.recipe import EngineRecipe
from curate.errors import CurateError
from shards.folder import adopt, claim
from shards.record import read_record, write_record
from shards.stages import Stage

_LAST_WRITES_SECONDS = 10.0
"""How long results may take to appear on this machine after the last job ended, since shared file systems cache folders."""


@dataclass(frozen=True)
class _Submitted:
    """The Slurm job that runs a stage."""

    job_id: str


class _Executor(SlurmPipelineExecutor):
    """Without the job that merges statistics: ours come from the tasks' commits, and that job would wait forever after a failed array."""

    def launch_merge_stats(self) -> None:
        """Submits no such job."""


class SlurmEngine:
    """See `curate.engines.engine.Engine`. Raises CurateError if Slurm is not installed here, or the recipe names no partition."""

    def __init__(self, recipe: EngineRecipe, folder: Path) -> None:
        if shutil.which("sbatch") is None or shutil.which("squeue") is None:
            raise CurateError("engine.kind slurm: no sbatch and squeue here; run this on a machine that submits to your cluster")
        if not recipe.partition:
            raise CurateError("engine.partition: set the Slurm partition to submit to; `sinfo` lists them")
        self._recipe, self._folder = recipe, Path(folder)

    def close(self) -> None:
        """Does nothing: no state is kept between stages."""

    def run(self, function: Callable[[Any], Any], jobs: Mapping[int, Any], stage: Stage) -> Iterator[tuple[int, Any]]:
        """See `Engine.run`."""
        self._wait_for_earlier(stage)
        stage.sweep()
        jobs = {number: job for number, job in jobs.items() if not stage.is_done(number)}
        if not jobs:
            return
        n_ranks = min(self._recipe.jobs, len(jobs))
        launch = Launch.write(self._folder, function, jobs, stage, n_ranks)
        claim(self._folder, [self._record(stage).name])
        job_id = self._submit(launch, n_ranks, stage.folder.name)
        write_record(self._record(stage), {"job_id": job_id})
        adopt(self._folder, [f"{launch.folder.name}/slurm_logs/{job_id}_{rank}.out" for rank in range(n_ranks)])
        seen: set[int] = set()
        while _is_queued(job_id):
            yield from launch.results(seen)
            time.sleep(self._recipe.poll_seconds)
        deadline = time.monotonic() + _LAST_WRITES_SECONDS
        while len(seen) < len(jobs) and time.monotonic() < deadline:
            yield from launch.results(seen)
            time.sleep(min(1.0, self._recipe.poll_seconds))
        yield from launch.results(seen)
        yield from missing(jobs, seen, launch.folder / "slurm_logs")

    def _submit(self, launch: Launch, n_jobs: int, name: str) -> str:
        recipe = self._recipe
        executor = _Executor(
            pipeline=[RankStep(str(launch.folder))],
            tasks=n_jobs,
            time=recipe.time,
            partition=recipe.partition,
            cpus_per_task=recipe.cpus_per_job,
            mem_per_cpu_gb=recipe.memory_per_cpu_gb,
            workers=recipe.concurrent,
            job_name=name,
            qos="",
            env_command=recipe.environment or f'export PATH="{Path(sys.executable).parent}:$PATH"',
            sbatch_args=dict(recipe.sbatch),
            logging_dir=str(launch.folder),
        )
        try:
            executor.run()
        except subprocess.CalledProcessError as error:
            reason = " ".join((error.stderr or error.stdout or str(error)).split())
            raise CurateError(f"sbatch refused the job: {reason}; its script is {launch.folder / 'launch_script.slurm'}") from None
        return str(executor.job_id)

    def _record(self, stage: Stage) -> Path:
        return self._folder / f"{stage.folder.name}.slurm.json"

    def _wait_for_earlier(self, stage: Stage) -> None:
        path = self._record(stage)
        try:
            job_id = read_record(path, _Submitted, error=CurateError, remedy="delete it once no job of this run is queued").job_id
        except FileNotFoundError:
            return
        if _is_queued(job_id):
            logging.info("%s: waiting for job %s of an earlier start of this run", stage.folder.name, job_id)
        while _is_queued(job_id):
            time.sleep(self._recipe.poll_seconds)


def _is_queued(job_id: str) -> bool:
    """Whether any task of the job still waits or runs. A failed query counts as yes, since the controller may be restarting."""
    query = subprocess.run(["squeue", "--noheader", "--jobs", job_id], capture_output=True, text=True, check=False)
    if query.returncode:
        return "Invalid job id" not in query.stderr
    return bool(query.stdout.strip())
