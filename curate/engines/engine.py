"""What an engine is, and the one that needs nothing: processes of this machine."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from curate.engines.recipe import EngineRecipe
from curate.errors import CurateError
from shards.processes import process_context
from shards.stages import Stage, TaskPool

_PRELOAD = ("curate.pipeline.preload",)
"""What the processes of this machine have in common."""

TaskResult = tuple[int, Any]
"""A task's number, and what its function returned or the exception that it raised."""


class Engine(Protocol):
    """Runs the tasks of one stage at a time."""

    def run(self, function: Callable[[Any], Any], jobs: Mapping[int, Any], stage: Stage) -> Iterator[TaskResult]:
        """Call the module-level `function` on each job, by task number; yield results as they come.

        A task that fails doesn't stop the others: its exception is yielded. Results are JSON values. Afterwards a task is done if
        `stage.is_done` says so, whatever the engine believes.
        """
        ...

    def close(self) -> None:
        """End what the engine keeps between stages."""


class LocalEngine:
    """Processes of this machine."""

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
    """Let what workers will need be loaded in the background, if there are going to be any; the sooner, the less they are waited for."""
    if recipe.kind == "local" and workers > 1:
        os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
        process_context(_PRELOAD)


def make_engine(recipe: EngineRecipe, workers: int, folder: Path) -> Engine:
    """The engine of a recipe; `folder` is where launchers keep their files. Raises CurateError if something it needs is missing."""
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
