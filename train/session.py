"""Assembles the parts of a run, and decides what happens after each step."""

import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mix.stream import Mix, prepared_ahead
from train import fp8
from train.adapt.adapt import Adaptation, adapt
from train.attention import choose_backend
from train.batch import Extent, make_batches, padding_row
from train.compilation import compile_layers, compiler_errors, warn_of_uncompiled_parts
from train.devices.determinism import Exactness, settle
from train.devices.shard import shard
from train.devices.world import World
from train.errors import TrainError
from train.loop import RunState, StepReport, StepRows, train
from train.loss.build import make_objective, second_folder
from train.loss.router import make_router_loss
from train.model import DTYPES, CausalModel, load_network, prepare
from train.neftune import EmbeddingNoise
from train.optimize.schedule import lr_at
from train.optimize.weights import TrainedWeights, cast_parameters
from train.plan.gradients import with_reduction
from train.plan.memory import MemoryPlanner, micro_batches
from train.recipe import TrainRecipe
from train.recompute import checkpoint_activations
from train.regularize.regularizers import regularizers_of_run
from train.resume.fork import Fork, start_from
from train.resume.record import RunIdentity
from train.save.checkpoint import CheckpointFacts, Checkpoints, best_checkpoint
from train.save.exporter import Exporter
from train.selfcheck import check_model
from train.steps import steps_of
from train.stop import StopRequest
from train.varlen import use_flash_attention_3
from train.watch.out_of_memory import device_bytes
from train.watch.watch import BITS, RunWatch


def make_model(recipe: TrainRecipe, base: Path, world: World) -> tuple[CausalModel, Adaptation | None]:
    """The model on its device, whole in a single process, else sharded; and the adaptation of its network, if any."""

    def load(device: str = "cpu") -> tuple[Any, Adaptation | None]:
        network = load_network(base, device, recipe.rope)
        return network, adapt(network, recipe.adapt, DTYPES[recipe.precision], world.device) if recipe.adapt else None

    full = load()[0] if world.is_joined and world.is_main else None
    network, adaptation = load("meta" if world.is_joined else "cpu")
    model = prepare(network)
    if recipe.fp8 is not None:
        fp8.convert(network, recipe.fp8, world.device)
    if not world.is_joined:
        model = model.to(world.device)
    else:
        if recipe.optimizer.weights != "masters":
            cast_parameters(model.network, DTYPES[recipe.precision])
        model = shard(model, full, world, DTYPES[recipe.precision], recipe.sharding)
    model.backend = choose_backend(recipe.attention, model.network, world.device, DTYPES[recipe.precision])
    if model.backend == "varlen":
        use_flash_attention_3(world.device)
    checkpoint_activations(model.network, recipe.activation_checkpointing)
    return model, adaptation


def check_and_compile(model: CausalModel, weights: TrainedWeights, recipe: TrainRecipe, row_tokens: int) -> tuple[Exactness, bool]:
    """Check a model with its final weights, then switch to float8, if asked for, and compile its layers: not before, so that the checks are exact and
    nothing is compiled for their batches. Returns how exactly the run can be repeated, and whether layers are compiled. Raises TrainError if the model
    fails a check."""
    check_model(model, row_tokens)
    exact = settle(model, weights, recipe.deterministic)
    fp8.begin(model.network)
    return exact, compile_layers(model, recipe.compile)


def reduces_once(recipe: TrainRecipe, base: Path, row_tokens: int, world: World) -> bool:
    """Whether a sharded model sums gradients over the processes once per step, or after each micro-batch."""
    if recipe.sharding.reduce_gradients == "auto" and (world.size == 1 or micro_batches(recipe, world.size) == 1):
        return False  # nothing to gain, so nothing to plan
    planner = MemoryPlanner(base, row_tokens, on_gpu=world.device.type == "cuda")
    chosen = world.from_main(lambda: with_reduction(recipe, world.size, device_bytes(world.device), planner.memory))
    return chosen.sharding.reduce_gradients == "step"


class Session:
    """One start of a run (from the beginning or from a checkpoint), on one of its processes."""

    def __init__(
        self,
        recipe: TrainRecipe,
        out: Path,
        mix: Mix,
        base: Path,
        record: dict[str, Any],
        identity: RunIdentity,
        world: World,
        stop: StopRequest,
        fork: Fork | None = None,
    ) -> None:
        self.recipe, self.out, self.mix, self.base, self.identity = recipe, out, mix, base, identity
        self.world, self.stop, self.steps = world, stop, steps_of(mix, recipe)
        self.n_steps = self.steps.n_steps
        self.loss: float | None = None
        self.seconds = 0.0
        self.model, self.adaptation = make_model(recipe, base, world)
        self.exporter = Exporter(recipe, out, base, self.model.network, self.adaptation, world)
        self.model.reduces_once = reduces_once(self.steps.in_longest_rows(recipe), base, mix.row_tokens, world)
        self.stages = self.adaptation.stages(self.n_steps) if self.adaptation else None
        self.weights = TrainedWeights(self.model.network, DTYPES[recipe.precision], recipe.optimizer, recipe.averaging, seed=recipe.seed, n_steps=self.n_steps)
        self.regularizers = regularizers_of_run(recipe, self.model, self.weights, base, mix.row_tokens, out, dict(identity.lasting), world)
        self.weights.after_update = self.regularizers.after_update
        self.checkpoints = Checkpoints(out / "checkpoints", recipe.checkpoint.keep_last, world)
        self.state = self._restore(fork)
        self.model.objective = make_objective(recipe.loss, second_folder(recipe.loss, world), self.model.n_vocab, mix.row_tokens, world.device)
        self.model.router_loss = make_router_loss(self.model.network, recipe.loss)
        self.model.embedding_noise = EmbeddingNoise(recipe.neftune_alpha, recipe.seed) if recipe.neftune_alpha else None
        self.exact, self.compiled = check_and_compile(self.model, self.weights, recipe, mix.row_tokens)
        self.extent = Extent()
        best = world.from_main(lambda: best_checkpoint(out / "checkpoints"))  # one answer for all processes, because they save together
        self.best_score = best[1].score if best is not None and best[1].score is not None else float("inf")
        self.watch = RunWatch(recipe, out, base, self.model, record, self.state.step, world)

    def train(self) -> RunState:
        """Train to the end of the run, or to the step in which a signal came. Returns the state after the last step."""
        started = time.perf_counter()
        try:
            with compiler_errors(), self.watch:
                state = train(
                    self.model, self.weights, self.batches(), self.lr_of, self.state, self.after_step, self.world, lambda: bool(self.stop), self._before_update
                )
        except BaseException:
            self.checkpoints.wait()  # a checkpoint being written would otherwise lose its process group
            raise
        finally:
            self.mix.stop_fetching()
        self.checkpoints.wait(must_succeed=state.step < self.n_steps)
        self.seconds = time.perf_counter() - started
        return state

    def lr_of(self, step: int) -> float:
        """Learning rate of `step`, counted from 1."""
        return lr_at(step, self.n_steps, self.recipe.optimizer.lr, self.recipe.schedule, self.steps.stage_ends())

    def batches(self) -> Iterator[StepRows]:
        """Rows of the remaining steps; each is prepared while the previous one is trained on."""
        return prepared_ahead(self._rows_of_step, range(self.state.step, self.n_steps))

    def after_step(self, report: StepReport) -> bool:
        """Log the step; evaluate and save when due. Returns False to end the run."""
        step, last = report.state.step, report.state.step == self.n_steps
        self.loss = report.loss
        if self.compiled and step == self.state.step + 1:
            warn_of_uncompiled_parts(self.model)
        scores = self.watch.evaluate(step)
        self.watch.log(report, scores)
        score = self._score((scores or {}).get(BITS))
        is_best = score is not None and score < self.best_score
        every = self.recipe.checkpoint.every_steps
        if is_best or (not last and (report.stop_asked or (every is not None and step % every == 0))):
            self._save(report.state, score)
        return not report.stop_asked

    def save_final(self, state: RunState) -> None:
        """Write the results of the run; see `Exporter.final`. If that fails, the state after the last step is saved as a checkpoint, so that nothing
        that was trained is lost, and TrainError is raised."""
        averages = self.weights.averages
        try:
            self.exporter.final(self.weights.masters, averages.ema if self.recipe.averaging.ema is not None else None)
        except TrainError as error:
            self._save(state, None)
            try:
                self.checkpoints.wait(must_succeed=True)
            except TrainError as unsaved:
                raise TrainError(f"{error}. The state after the last step could not be saved either: {unsaved}") from error
            advice = f"The weights are in checkpoints/step-{state.step:06d}: mend the cause and run the same command, which only writes the results"
            raise TrainError(f"{error}. {advice}") from error

    def _before_update(self, step: int) -> Mapping[str, Tensor]:
        """Drop the gradients of parameters that the stage of this step does not train, and regularize; returns penalties on the weights."""
        if self.stages is not None:
            self.stages.freeze(self.weights.masters, step)
        return self.regularizers.before_update()

    def _rows_of_step(self, step: int) -> StepRows:
        """This process's rows of `step`, counted from 0. Every process gets the same number of micro-batches, because a sharded model computes only if
        all processes do; one for which no row is left gets a row of padding."""
        rows = self.steps.rows(step)
        self.mix.fetch_ahead(rows.start)
        size = self.steps.micro_batch_rows(step, self.recipe.micro_batch_rows) * self.world.size
        n_sources, masked = len(self.mix.sources), self.recipe.document_mask
        pieces = [self.mix.rows(first, min(first + size, rows.stop), self.world.rank, self.world.size) for first in rows[::size]]
        filled = [piece if len(piece.n_tokens) else padding_row(piece.input_ids.shape[1]) for piece in pieces]
        batches, self.extent = make_batches(filled, n_sources, self.extent, document_mask=masked)
        return StepRows(rows.start, rows.stop, [batch.pinned() for batch in batches] if self.world.device.type == "cuda" else batches)

    def _score(self, bits: Mapping[str, float] | None) -> float | None:
        """Bits per byte that decide which checkpoint is best."""
        domain = self.recipe.checkpoint.keep_best
        if bits is None or domain is None:
            return None
        return bits[domain] if domain in bits else sum(bits.values()) / len(bits)

    def _restore(self, fork: Fork | None) -> RunState:
        """Load the newest checkpoint of this run; without one, the checkpoint of another run that it starts from, if any."""
        checkpoint = self.checkpoints.newest(self.identity.at)
        if checkpoint is None:
            if fork is not None:
                start_from(fork, self.checkpoints, self.weights, is_whole=self.recipe.adapt is None, model_hash=self.identity.lasting["model_hash"])
            return RunState()
        path, facts = checkpoint
        logging.info("resuming from %s", path)
        self.checkpoints.load(path, self.weights.state())
        self.weights.refresh()
        return RunState(facts.step, facts.tokens)

    def _save(self, state: RunState, score: float | None) -> None:
        if score is not None:
            self.best_score = min(score, self.best_score)
        next_row = self.steps.rows_before(state.step)
        facts = CheckpointFacts(step=state.step, tokens=state.tokens, next_row=next_row, identity=self.identity.at(next_row), score=score)
        self.checkpoints.save(facts, self.weights.state(), self.exporter.in_checkpoint(self.weights.masters))
