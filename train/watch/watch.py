"""Reports a run while it trains: metrics.jsonl, trackers, the display, scores on held-out documents."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from shards.record import json_hash
from train.devices.world import World
from train.loop import StepReport
from train.model import CausalModel
from train.plan.flops import model_flops
from train.recipe import TrainRecipe
from train.watch.display import Display
from train.watch.metrics import MetricsLog, step_record
from train.watch.throughput import Throughput, peak_flops
from train.watch.trackers import TrackedRun, open_trackers
from train.watch.validate import Validation


class RunWatch:
    """Watches a run that starts after step `first_step`. Every process has one, because scores are computed together; only the main process reports."""

    def __init__(self, recipe: TrainRecipe, out: Path, base: Path, model: CausalModel, facts: Mapping[str, Any], first_step: int, world: World) -> None:
        self._recipe, self._out, self._facts, self._first_step, self._world = recipe, out, facts, first_step, world
        self._n_steps, self._model = facts["steps"], model
        evaluate = recipe.evaluate
        self._validation = Validation(evaluate.domains, base, facts["row_tokens"], world, recipe.micro_batch_rows) if evaluate is not None else None
        peak = peak_flops(world.device, world.size, recipe.precision) if world.is_main else None
        self._throughput = Throughput(model_flops(model.network), peak, world.device)
        self._base_scores: dict[str, float] | None = None

    def __enter__(self) -> "RunWatch":
        if self._validation is not None and self._recipe.evaluate is not None and self._recipe.evaluate.at_start and not self._first_step:
            self._base_scores = self._validation.bits_per_byte(self._model)
        if self._world.is_main:
            self._metrics = MetricsLog(self._out, self._first_step)
            self._trackers = open_trackers(self._recipe.log, self._out, _run_facts(self._recipe.name, self._facts, self._first_step, self._out))
            self._display = Display(self._n_steps, self._first_step).__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._world.is_main:
            self._display.__exit__(*error)
            self._trackers.close()
            self._metrics.close()

    def evaluate(self, step: int) -> dict[str, float] | None:
        """Bits per byte by domain if an evaluation is due after `step`, else None; every process must call this."""
        settings = self._recipe.evaluate
        if settings is None or self._validation is None or (step % settings.every_steps and step != self._n_steps):
            return None
        return self._validation.bits_per_byte(self._model)

    def log(self, report: StepReport, bits: Mapping[str, float] | None) -> None:
        """Log a step, with its scores if it was evaluated."""
        if not self._world.is_main:
            return
        lengths = np.concatenate([batch.document_tokens for batch in report.rows.micro_batches])
        row_tokens = report.rows.micro_batches[0].input_ids.shape[1]
        speed = self._throughput.figures(report.n_tokens, row_tokens, lengths, report.seconds)
        scores = {"bits_per_byte": bits, "base_bits_per_byte": self._base_scores}
        self._base_scores = None
        record = step_record(report, self._facts["sources"], speed, {name: values for name, values in scores.items() if values is not None})
        self._metrics.write(record)
        self._trackers.log(report.state.step, record)
        self._display.show(record)


def _run_facts(name: str, facts: Mapping[str, Any], first_step: int, out: Path) -> TrackedRun:
    """Trackers treat two starts as one run if run and folder are the same."""
    key = json_hash([str(out.resolve()), *(facts[hash_] for hash_ in ("settings_hash", "model_hash"))])
    return TrackedRun(name, key[:16], facts, first_step)
