"""Experiment trackers that get the figures of a training run, from the trainer and from its evaluations: TensorBoard, Weights & Biases, Trackio.

A tracker receives the flat figures of each step and is closed at the end. To add one, write a class with these two methods and add it to
`open_trackers`.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from shards.errors import CptkitError, ShardError
from shards.recipe import Recipe
from shards.record import json_hash


class WandbRecipe(Recipe):
    """Weights & Biases; needs the package wandb."""

    project: str
    """Project of the run."""
    entity: str | None = None
    """User or team; null: the logged-in user."""
    mode: Literal["online", "offline"] | None = None
    """offline: write to OUT/wandb, for `wandb sync` later; null: the mode in WANDB_MODE, else online."""
    tags: tuple[str, ...] = ()
    """Tags of the run."""


class TrackioRecipe(Recipe):
    """Trackio, a local tracker; needs the package trackio. `trackio show` opens its page."""

    project: str
    """Project of the run."""
    space: str | None = None
    """Hugging Face Space (`user/name`) to send to; null: write files under TRACKIO_DIR or the user's cache."""


class Tracker(Protocol):
    """A destination of a run's figures."""

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Store the figures of a step."""

    def close(self) -> None:
        """Finish; nothing is logged afterwards."""


@dataclass(frozen=True)
class TrackedRun:
    """A run as a tracker sees it: its name, a key that stays the same when it is resumed, its configuration, and the steps done before this start."""

    name: str
    key: str
    config: Mapping[str, Any]
    last_step: int


def run_key(out: Path, settings_hash: str, model_hash: str) -> str:
    """The key of a run that trains into `out`: two starts are one run if folder, settings and base model are the same."""
    return json_hash([str(out.resolve()), settings_hash, model_hash])[:16]


def open_trackers(
    run: TrackedRun,
    out: Path,
    *,
    tensorboard: Path | None = None,
    wandb: WandbRecipe | None = None,
    trackio: TrackioRecipe | None = None,
    error: type[CptkitError] = ShardError,
) -> "Trackers":
    """Open trackers: TensorBoard's event files in the folder `tensorboard`, W&B with its files in `out`, Trackio. Raises `error` for a package that is not
    installed; a tracker that fails otherwise is reported and skipped."""
    makers: dict[str, Callable[[], Tracker]] = {}
    if tensorboard is not None:
        makers["tensorboard"] = lambda: _TensorBoard(tensorboard, run)
    if wandb is not None:
        makers["wandb"] = lambda: _Wandb(wandb, out, run)
    if trackio is not None:
        makers["trackio"] = lambda: _Trackio(trackio, run)
    return Trackers({name: tracker for name, make in makers.items() if (tracker := _opened(name, make, error)) is not None})


class Trackers:
    """Several trackers as one. A tracker that raises is reported once and not used again."""

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._trackers = dict(trackers)

    def log(self, step: int, record: Mapping[str, Any]) -> None:
        """Send a record of metrics.jsonl to all trackers; nested figures become `outer/inner`."""
        figures = flat(record)
        for name, tracker in list(self._trackers.items()):
            try:
                tracker.log(step, figures)
            except Exception as error:  # no error of a tracker's library may end a run
                _warn(name, error)
                del self._trackers[name]

    def close(self) -> None:
        """Close all trackers."""
        for name, tracker in self._trackers.items():
            try:
                tracker.close()
            except Exception as error:
                _warn(name, error)
        self._trackers = {}


def flat(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record without `step`; `{"loss_by_source": {"a": 1}}` gives `loss_by_source/a`."""
    figures: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            figures |= {f"{name}/{inner}": number for inner, number in flat(value).items()}
        elif name != "step" and isinstance(value, int | float):
            figures[name] = float(value)
    return figures


def _opened(name: str, make: Callable[[], Tracker], error: type[CptkitError]) -> Tracker | None:
    try:
        return make()
    except ImportError as missing:
        extra = "train" if name == "tensorboard" else "trackers"
        raise error(f"log.{name}: the package {missing.name or name} is not installed; pip install 'cptkit[{extra}]', or take log.{name} out") from None
    except Exception as problem:
        _warn(name, problem)
        return None


def _warn(name: str, error: Exception) -> None:
    logging.warning("log.%s: %s: %s; the run continues without it", name, type(error).__name__, " ".join(str(error).split())[:200])


class _TensorBoard:
    """Event files in a folder; when a run resumes, steps after its checkpoint are hidden."""

    def __init__(self, folder: Path, run: TrackedRun) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder), purge_step=run.last_step + 1)
        if not run.last_step:
            self._writer.add_text("run", "\n".join(f"- {name}: {value}" for name, value in run.config.items()), 0)

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Write the scalars of a step."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class _Wandb:
    """A W&B run whose id is the run's key, so that a resumed run continues in it. The step is logged as a figure, because W&B refuses repeated steps,
    and a resumed run repeats the steps after its checkpoint."""

    def __init__(self, settings: WandbRecipe, out: Path, run: TrackedRun) -> None:
        import wandb

        self._run = wandb.init(
            project=settings.project, entity=settings.entity, mode=settings.mode, tags=list(settings.tags), name=run.name, id=run.key,
            resume="allow", dir=str(out), config=dict(run.config), settings=wandb.Settings(silent=True, console="off"),
        )  # fmt: skip
        self._run.define_metric("train_step")
        self._run.define_metric("*", step_metric="train_step")

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures of a step."""
        self._run.log({**figures, "train_step": step})

    def close(self) -> None:
        """Finish the run and wait until all is written."""
        self._run.finish()


class _Trackio:
    """A Trackio run named after the run and its key; a resumed run continues in it."""

    def __init__(self, settings: TrackioRecipe, run: TrackedRun) -> None:
        import trackio

        self._trackio = trackio
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # it prints a greeting
            trackio.init(
                project=settings.project, name=f"{run.name}-{run.key[:8]}", space_id=settings.space, config=dict(run.config), resume="allow",
                auto_log_gpu=False, auto_log_cpu=False, embed=False,
            )  # fmt: skip

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures of a step."""
        self._trackio.log(dict(figures), step=step)

    def close(self) -> None:
        """Finish the run and wait until all is written."""
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            self._trackio.finish()
