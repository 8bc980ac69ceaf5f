"""Stages on a Ray cluster, launched by datatrove's RayPipelineExecutor."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
from datatrove.executor.ray import RayPipelineExecutor

from curate.engines.launch import Launch, RankStep, missing
from curate.engines.recipe import EngineRecipe
from curate.errors import CurateError
from shards.stages import Stage


class RayEngine:
    """See `curate.engines.engine.Engine`. Connects to the cluster at once. Raises CurateError if that fails."""

    def __init__(self, recipe: EngineRecipe, folder: Path) -> None:
        self._recipe, self._folder = recipe, Path(folder)
        if not ray.is_initialized():
            try:
                ray.init(address=recipe.address or None, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise CurateError(
                    f"engine.address {recipe.address}: no Ray cluster answers there ({' '.join(str(error).split())}); start one, or correct engine.address"
                ) from None

    def close(self) -> None:
        """Does nothing: the process stays connected to its Ray cluster."""

    def run(self, function: Callable[[Any], Any], jobs: Mapping[int, Any], stage: Stage) -> Iterator[tuple[int, Any]]:
        """See `Engine.run`. datatrove's executor does not report failed ranks; the tasks' results do."""
        stage.sweep()
        n_ranks = min(self._recipe.jobs, len(jobs))
        launch = Launch.write(self._folder, function, jobs, stage, n_ranks)
        executor = threading.Thread(target=self._execute, args=(launch, n_ranks), daemon=True)
        executor.start()
        seen: set[int] = set()
        while executor.is_alive():
            yield from launch.results(seen)
            time.sleep(self._recipe.poll_seconds)
        yield from launch.results(seen)
        yield from missing(jobs, seen, launch.folder / "logs")

    def _execute(self, launch: Launch, n_ranks: int) -> None:
        RayPipelineExecutor(
            pipeline=[RankStep(str(launch.folder))],
            tasks=n_ranks,
            workers=self._recipe.concurrent,
            cpus_per_task=self._recipe.cpus_per_job,
            mem_per_cpu_gb=self._recipe.memory_per_cpu_gb,
            logging_dir=str(launch.folder),
        ).run()
