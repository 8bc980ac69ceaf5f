"""One training run: check that model and mix fit, resume or start, train, save."""

import logging
import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mix.stream import Mix, open_mix, prepared_ahead
from shards import console
from shards.recipe import recipe_hash
from train.batch import make_batch
from train.checkpoint import Facts, commit_folder, keep_last, list_checkpoints, read_facts, restore, save_checkpoint
from train.errors import TrainError
from train.fit import check_fit, steps_of
from train.loop import RunState, StepReport, StepRows, train
from train.metrics import MetricsLog, step_record
from train.model import DTYPES, load_model, local_folder, save_model, stored_dtype, weights_hash
from train.recipe import TrainRecipe
from train.record import identity, read_record, refuse_other_run, write_record
from train.schedule import lr_at
from train.selfcheck import check_model
from train.stop import StopRequest, stop_on_signals
from train.validate import Validation
from train.weights import MasterWeights


@dataclass(frozen=True)
class Outcome:
    """How a call of `run` ended: `headline` in words, steps done of all, real tokens seen, last loss in nats per target, where to look."""

    headline: str
    step: int
    n_steps: int
    tokens: int
    loss: float | None
    out: Path

    def words(self) -> tuple[str, dict[str, Any]]:
        """Title and lines of the command's summary."""
        lines: dict[str, Any] = {"steps": f"{self.step:,} of {self.n_steps:,}", "tokens": f"{self.tokens:,}"}
        if self.loss is not None:
            lines["loss"] = f"{self.loss:.4f} nats per token"
        return self.headline, lines | {"written to": self.out}


def run(recipe: TrainRecipe) -> Outcome:
    """Train as the recipe says, from the newest checkpoint in its `out` if there is one.

    Raises TrainError if model, mix and recipe do not fit each other, if `out` holds another run, or if the loss is no longer finite.
    """
    if recipe.out is None:
        raise TrainError("out: required, but not given; set it in the recipe or with --out")
    device = settle(recipe)
    mix = open_mix(recipe.mix)
    base = local_folder(recipe.model)
    check_fit(base, mix)
    n_steps = steps_of(mix, recipe.steps, recipe.batch_rows)
    this = identity(recipe_hash(recipe), weights_hash(base), mix.plan_hash)
    record = read_record(recipe.out)
    refuse_other_run(recipe.out, record, this)
    if record is not None and record.get("finished") and (recipe.out / "model").exists():
        totals = record["totals"]
        return Outcome("Nothing to do, this run is finished", totals["steps"], n_steps, totals["tokens"], totals["loss"], recipe.out)
    record = describe(recipe, mix, n_steps, device) | this
    write_record(recipe.out, record | {"finished": False})
    with stop_on_signals() as stop:
        session = Session(recipe, recipe.out, mix, base, n_steps, this, device, stop)
        state = session.train()
        if state.step < n_steps:
            return Outcome(f"Saved at step {state.step}, rerun to resume", state.step, n_steps, state.tokens, session.loss, recipe.out)
        session.save_final()
    totals = {"steps": state.step, "tokens": state.tokens, "loss": session.loss}
    write_record(recipe.out, record | {"finished": True, "totals": totals, "timing": {"seconds": round(session.seconds, 1)}})
    return Outcome("Trained", state.step, n_steps, state.tokens, session.loss, recipe.out)


def settle(recipe: TrainRecipe) -> torch.device:
    """Set torch's threads, seed and numeric switches, and return the device. Raises TrainError for a device that is not there."""
    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    torch.set_float32_matmul_precision("high" if recipe.tf32 else "highest")
    torch.use_deterministic_algorithms(recipe.deterministic, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it costs a pass over every new tensor
    if recipe.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    name = ("cuda" if torch.cuda.is_available() else "cpu") if recipe.device == "auto" else recipe.device
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TrainError(f"device: {name}: not to be had here ({str(error).splitlines()[0]}); use auto or cpu") from None
    return device


def describe(recipe: TrainRecipe, mix: Mix, n_steps: int, device: torch.device) -> dict[str, Any]:
    """The parts of run.json that are known at the start."""
    import transformers

    versions = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
    return {
        "name": recipe.name,
        "recipe": recipe.model_dump(mode="json"),
        "steps": n_steps,
        "row_tokens": mix.row_tokens,
        "sources": mix.sources,
        "device": device.type,
        "versions": versions,
    }


class Session:
    """The parts of a run, and what happens after each of its steps."""

    def __init__(
        self, recipe: TrainRecipe, out: Path, mix: Mix, base: Path, n_steps: int, identity: dict[str, str], device: torch.device, stop: StopRequest
    ) -> None:
        self.recipe, self.out, self.mix, self.base, self.n_steps, self.identity, self.stop = recipe, out, mix, base, n_steps, identity, stop
        self.loss: float | None = None
        self.seconds = 0.0
        self.save_dtype = DTYPES[recipe.save_dtype] if recipe.save_dtype else stored_dtype(base)
        self.model = load_model(base, device)
        self.weights = MasterWeights(self.model.network, DTYPES[recipe.precision], recipe.optimizer)
        self.state = self._restore()
        check_model(self.model)
        if recipe.activation_checkpointing:
            self.model.network.gradient_checkpointing_enable({"use_reentrant": False})
        if recipe.compile:
            self.model.compile_layers()
        wanted = recipe.evaluate
        self.validation = Validation(wanted.domains, wanted.max_documents, base, mix.row_tokens) if wanted else None

    def train(self) -> RunState:
        """Train from where the run stands to its end, or to the step in which a signal came. Returns where it stands then."""
        started = time.perf_counter()
        schedule = partial(lr_at, n_steps=self.n_steps, peak=self.recipe.optimizer.lr, schedule=self.recipe.schedule)
        self.metrics = MetricsLog(self.out, self.state.step, tensorboard=self.recipe.log.tensorboard)
        with console.progress("train", self.n_steps) as self.meter:
            self.meter.advance(self.state.step)
            state = train(self.model, self.weights, self.batches(), schedule, self.state, self.after_step)
        self.metrics.close()
        self.seconds = time.perf_counter() - started
        return state

    def batches(self) -> Iterator[StepRows]:
        """The steps that are left, each made while the one before it is trained on."""
        return prepared_ahead(self._rows_of_step, range(self.state.step, self.n_steps))

    def after_step(self, report: StepReport) -> bool:
        """Tell and, when due, evaluate and save. False ends the run."""
        step, last = report.state.step, report.state.step == self.n_steps
        self.loss = report.loss
        due = self.recipe.evaluate is not None and (last or step % self.recipe.evaluate.every_steps == 0)
        bits = self.validation.bits_per_byte(self.model) if self.validation is not None and due else None
        self.metrics.write(step_record(report, self.mix.sources, bits))
        self.meter.describe(f"train, loss {report.loss:.3f}")
        self.meter.advance(1, tokens=report.n_tokens)
        every = self.recipe.checkpoint.every_steps
        if not last and (self.stop or (every is not None and step % every == 0)):
            self._save(report.state)
        return not self.stop

    def save_final(self) -> None:
        """Write OUT/model, the trained model as a Hugging Face folder."""
        temporary = self.out / f".model.{os.getpid()}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        self._write_model(temporary)
        commit_folder(temporary, self.out / "model")

    def _rows_of_step(self, step: int) -> StepRows:
        """Rows of the step after `step` steps."""
        start, stop = step * self.recipe.batch_rows, (step + 1) * self.recipe.batch_rows
        self.mix.fetch_ahead(start)
        size, n_sources, masked = self.recipe.micro_batch_rows, len(self.mix.sources), self.recipe.document_mask
        pieces = [self.mix.rows(first, min(first + size, stop)) for first in range(start, stop, size)]
        return StepRows(start, stop, [make_batch(piece, n_sources, document_mask=masked) for piece in pieces])

    def _restore(self) -> RunState:
        found = list_checkpoints(self.out / "checkpoints")
        if not found:
            return RunState()
        facts: Facts = read_facts(found[-1])
        if facts.identity != self.identity:
            raise TrainError(f"{found[-1]}: a checkpoint of another recipe, base model or mix; give another --out, or delete {self.out}")
        logging.info("resuming from %s", found[-1])
        return restore(found[-1], facts, self.weights)

    def _save(self, state: RunState) -> None:
        folder = self.out / "checkpoints"
        save_checkpoint(folder, self.weights, state, state.step * self.recipe.batch_rows, self.identity, self._write_model)
        keep_last(folder, self.recipe.checkpoint.keep_last)

    def _write_model(self, folder: Path) -> None:
        save_model(self.model.network, self.weights.masters, folder, self.save_dtype, self.base)
