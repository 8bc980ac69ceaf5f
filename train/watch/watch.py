"""Reports a run while it trains: metrics.jsonl, trackers, the display, scores on held-out documents and tasks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shards.trackers import TrackedRun, Trackers, open_trackers, run_key
from train.devices.world import World
from train.errors import TrainError
from train.loop import StepReport
from train.model import CausalModel
from train.plan.flops import model_flops
from train.recipe import TrainRecipe
from train.watch.answers import AnswerBits
from train.watch.display import Display
from train.watch.metrics import MetricsLog, step_record
from train.watch.throughput import Throughput, peak_flops
from train.watch.validate import Validation

BITS, ANSWER_BITS = "bits_per_byte", "answer_bits"
"""Metrics of an evaluation: of held-out documents by domain, of right answers by task."""

Scores = Mapping[str, Mapping[str, float]]
"""Scores of an evaluation: metric → domain or task → bits per byte."""


class RunWatch:
    """Watches a run that starts after step `first_step`. Every process has one, because scores are computed together; only the main process reports."""

    def __init__(self, recipe: TrainRecipe, out: Path, base: Path, model: CausalModel, facts: Mapping[str, Any], first_step: int, world: World) -> None:
        self._recipe, self._out, self._facts, self._first_step, self._world = recipe, out, facts, first_step, world
        self._n_steps, self._model = facts["steps"], model
        self._scorers = _scorers(recipe, base, facts["row_tokens"], world)
        peak = peak_flops(world.device, world.size, recipe.precision) if world.is_main else None
        self._throughput = Throughput(model_flops(model.network), peak, world.device)
        self._base_scores: Scores = {}

    def __enter__(self) -> "RunWatch":
        if self._recipe.evaluate is not None and self._recipe.evaluate.at_start and not self._first_step:
            self._base_scores = self._score()
        if self._world.is_main:
            self._metrics = MetricsLog(self._out, self._first_step)
            self._trackers = _trackers(self._recipe, self._out, self._facts, self._first_step)
            self._display = Display(self._n_steps, self._first_step).__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._world.is_main:
            self._display.__exit__(*error)
            self._trackers.close()
            self._metrics.close()

    def evaluate(self, step: int) -> Scores | None:
        """Scores if an evaluation is due after `step`, else None; every process must call this."""
        settings = self._recipe.evaluate
        if settings is None or (step % settings.every_steps and step != self._n_steps):
            return None
        return self._score()

    def _score(self) -> Scores:
        return {metric: score(self._model) for metric, score in self._scorers.items()}

    def log(self, report: StepReport, scores: Scores | None) -> None:
        """Log a step, with its scores if it was evaluated."""
        if not self._world.is_main:
            return
        lengths = np.concatenate([batch.document_tokens for batch in report.rows.micro_batches])
        row_tokens = report.rows.micro_batches[0].input_ids.shape[1]
        speed = self._throughput.figures(report.n_tokens, row_tokens, lengths, report.seconds)
        of_base = {f"base_{metric}": values for metric, values in self._base_scores.items()}
        self._base_scores = {}
        record = step_record(report, self._facts["sources"], speed, {**(scores or {}), **of_base})
        self._metrics.write(record)
        self._trackers.log(report.state.step, record)
        self._display.show(record)


def _scorers(recipe: TrainRecipe, base: Path, row_tokens: int, world: World) -> dict[str, Callable[[CausalModel], dict[str, float]]]:
    """What computes each metric of an evaluation."""
    scorers: dict[str, Callable[[CausalModel], dict[str, float]]] = {}
    evaluate = recipe.evaluate
    if evaluate is not None and evaluate.domains:
        scorers[BITS] = Validation(evaluate.domains, base, row_tokens, world, recipe.micro_batch_rows).bits_per_byte
    if evaluate is not None and evaluate.tasks:
        scorers[ANSWER_BITS] = AnswerBits(evaluate.tasks, base, row_tokens, world, recipe.micro_batch_rows).mean_bits
    return scorers


def _trackers(recipe: TrainRecipe, out: Path, facts: Mapping[str, Any], first_step: int) -> Trackers:
    run = TrackedRun(recipe.name, run_key(out, facts["settings_hash"], facts["model_hash"]), facts, first_step)
    settings = recipe.log
    events = out / "tensorboard" if settings.tensorboard else None
    return open_trackers(run, out, tensorboard=events, wandb=settings.wandb, trackio=settings.trackio, error=TrainError)
