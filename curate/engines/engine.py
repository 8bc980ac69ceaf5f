"""The interface of engines, and the local engine: processes on this machine."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from curate.engines.recipe import EngineRecipe
from curate.errors import CurateError
from shards.processes import process_context
from shards.stages import Stage, TaskPool

_PRELOAD = ("curate.pipeline.preload",)
"""Module that the server process imports before it forks workers."""

TaskResult = tuple[int, Any]
"""A task's number, and the return value of its function or the exception that it raised."""


class Engine(Protocol):
    """Runs the tasks of one stage at a time."""

    def run(self, function: Callable[[Any], Any], jobs: Mapping[int, Any], stage: Stage) -> Iterator[TaskResult]:
        """Call the module-level `function` on each job, by task number; yield results as they arrive.

        A failed task does not stop the others: its exception is yielded. Results are JSON values. Only `stage.is_done` decides whether a task
        is done afterwards.
        """
        ...

    def close(self) -> None:
        """Release what the engine keeps between stages."""


class LocalEngine:
    """Worker processes on this machine."""

    def __init__(self, workers: int) -> None:
        self._pool = TaskPool(workers, _PRELOAD)

    def close(self) -> None:
        """See `Engine.close`."""
        self._pool.close()

    def run(self, function: Callable[[Any], Any], jobs: Mapping[int, Any], stage: Stage) -> Iterator[TaskResult]:
        """See `Engine.run`."""
        numbers = list(jobs)
        stage.sweep()
        for index, result in self._pool.run(function, list(jobs.values()), stage.folder.name.partition("-")[0]):
            yield numbers[index], result


def start_loading(recipe: EngineRecipe, workers: int) -> None:
    """Load in the background what local workers will need; does nothing without workers. Call early so that workers start warm."""
    if recipe.kind == "local" and workers > 1:
        os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
        process_context(_PRELOAD)


def make_engine(recipe: EngineRecipe, workers: int, folder: Path) -> Engine:
    """The engine of a recipe; launchers keep their files in `folder`. Raises CurateError if something it needs is missing."""
    if recipe.kind == "local":
        return LocalEngine(workers)
    try:
        if recipe.kind == "slurm":
            from curate.engines.slurm import SlurmEngine

            return SlurmEngine(recipe, folder)
        from curate.engines.ray import RayEngine

        return RayEngine(recipe, folder)
    except ImportError as error:
        raise CurateError(f"engine.kind {recipe.kind}: {error.name} is not installed; pip install 'cptkit[cluster]'") from None
