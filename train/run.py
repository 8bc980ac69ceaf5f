"""One training run: check that the model fits the mix, start or resume, train, save."""

import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mix.stream import Mix, open_mix
from shards import console
from shards.folder import output_folder
from shards.recipe import recipe_hash
from train.devices.determinism import deterministic_algorithms
from train.devices.device import device_name
from train.devices.world import World, join_world
from train.errors import TrainError
from train.fit import check_fit
from train.loss.build import second_folder
from train.model import DTYPES, local_folder, weights_hash
from train.optimize.schedule import segments
from train.optimize.weights import check_precision
from train.plan.parameters import count_parameters
from train.recipe import TrainRecipe
from train.regularize import cache as importance
from train.regularize.importance import sample_hash
from train.regularize.regularizers import check_regularize
from train.resume.continuation import plans_of_run
from train.resume.fork import Fork, open_fork
from train.resume.record import FILE, RunIdentity, is_finished, model_files, read_record, settings_hash, write_record
from train.save.checkpoint import best_checkpoint, list_checkpoints
from train.save.folder import refuse_foreign_folders
from train.session import Session
from train.steps import steps_of
from train.stop import stop_on_signals
from train.watch import metrics
from train.watch.out_of_memory import advice_when_memory_runs_out


@dataclass(frozen=True)
class TrainOutcome:
    """How a call of `run` ended: a `headline` for the user, steps done and planned, real tokens seen, last loss in nats per target, output folder."""

    headline: str
    step: int
    n_steps: int
    tokens: int
    loss: float | None
    out: Path
    signal_name: str | None = None
    """The signal that ended the run early, or None. Always None with several processes: torchrun treats a non-zero exit code as a failure and kills the
    other processes."""

    def summary(self) -> tuple[str, dict[str, Any]]:
        """Title and lines of the command's summary."""
        lines: dict[str, Any] = {"steps": f"{self.step:,} of {self.n_steps:,}", "tokens": f"{self.tokens:,}"}
        if self.loss is not None:
            lines["loss"] = f"{self.loss:.4f} nats per token"
        return self.headline, lines | {"written to": self.out}


def run(recipe: TrainRecipe) -> TrainOutcome:
    """Train a recipe, from the newest checkpoint in its `out` if there is one.

    Raises TrainError if model, mix and recipe do not fit together, if `out` holds another run, or if the loss is no longer finite.
    """
    if recipe.out is None:
        raise TrainError("out: required, but not given; set it in the recipe or with --out")
    configure_torch(recipe)
    with (
        deterministic_algorithms(recipe.deterministic),
        join_world(recipe.device, alone=recipe.sharding.always) as world,
        locked_by_main(world, recipe.out),
    ):
        if not world.is_main:
            console.be_silent()
        return run_in(world, recipe, recipe.out)


@contextmanager
def locked_by_main(world: World, out: Path) -> Iterator[None]:
    """Hold the lock of the output folder in the main process. Raises ShardError on all processes if another run holds it, or if the run would overwrite
    files that are not ours."""
    with ExitStack() as lock:
        world.from_main(lambda: lock.enter_context(output_folder(out, (FILE, metrics.FILE))))
        checkpoints = [f"checkpoints/{path.name}" for path in list_checkpoints(out / "checkpoints")]
        world.from_main(lambda: refuse_foreign_folders(out, ["model", "model-ema", "adapter", importance.FOLDER, *checkpoints]))
        yield


def run_in(world: World, recipe: TrainRecipe, out: Path) -> TrainOutcome:
    """The part of `run` that every process executes."""
    mix = open_mix(recipe.mix)
    base = world.from_main(lambda: local_folder(recipe.model))
    second = second_folder(recipe.loss, world)
    check_fit(base, mix, recipe.rope)
    if second is not None:
        check_fit(second, mix)
    check_recipe(recipe, world)
    steps = steps_of(mix, recipe)
    n_steps = steps.n_steps
    segments(n_steps, recipe.schedule, steps.stage_ends())
    record = world.from_main(lambda: read_record(out))
    fork = world.from_main(lambda: open_fork(recipe.resume_from, record))
    identity = RunIdentity(recipe_hash(recipe), world.from_main(lambda: lasting_hashes(recipe, base, second, fork)), mix)
    plans = world.from_main(lambda: plans_of_run(out, record, identity, recipe, steps))
    if record is not None and record["plan_hash"] == mix.plan_hash and world.from_main(lambda: is_finished(out, record)):
        totals = record["totals"]
        return TrainOutcome("Nothing to do, this run is finished", totals["steps"], n_steps, totals["tokens"], totals["loss"], out)
    record = describe(recipe, mix, n_steps, world) | identity.of_start() | {"plans": plans}
    if fork is not None:
        record["resumed_from"] = fork.record()
    if world.is_main:
        write_record(out, record | {"finished": False})
    with stop_on_signals() as stop, advice_when_memory_runs_out(steps.in_longest_rows(recipe), base, mix.row_tokens, world):
        session = Session(recipe, out, mix, base, record, identity, world, stop, fork)
        record |= {"exact": session.exact, "compiled": session.compiled, "n_parameters": count_parameters(session.model.network).total}
        if world.is_main:
            write_record(out, record | {"finished": False})
        state = session.train()
        if state.step < n_steps:
            signal_name = stop.signal_name if world.size == 1 else None
            return TrainOutcome(f"Saved at step {state.step}, rerun to resume", state.step, n_steps, state.tokens, session.loss, out, signal_name)
        session.save_final(state)
    totals = {"steps": state.step, "tokens": state.tokens, "loss": session.loss}
    if world.is_main:
        ended = {"finished": True, "totals": totals, "best": best_of(out), "files": model_files(out), "timing": {"seconds": round(session.seconds, 1)}}
        write_record(out, record | ended)
    return TrainOutcome("Trained", state.step, n_steps, state.tokens, session.loss, out)


def lasting_hashes(recipe: TrainRecipe, base: Path, second: Path | None, fork: Fork | None) -> dict[str, str]:
    """The hashes of a run that its starts share even if the mix is extended; reads all weights."""
    lasting = {"settings_hash": settings_hash(recipe), "model_hash": weights_hash(base)}
    if second is not None:
        lasting["second_model_hash"] = weights_hash(second)
    if recipe.regularize is not None and recipe.regularize.needs_sample and recipe.regularize.sample is not None:
        lasting["sample_hash"] = sample_hash(recipe.regularize.sample)
    if fork is not None:
        lasting["start_hash"] = fork.hash
    return lasting


def check_recipe(recipe: TrainRecipe, world: World) -> None:
    """Raise TrainError for settings that contradict each other or do not fit the number of processes."""
    for rows in [recipe.batch_rows] if isinstance(recipe.batch_rows, int) else recipe.batch_rows.values():
        if rows % world.size:
            raise TrainError(f"batch_rows: {rows} rows cannot be split evenly over {world.size} processes; use a multiple of {world.size}")
    check_precision(recipe.optimizer, DTYPES[recipe.precision])
    check_regularize(recipe)
    best, domains = recipe.checkpoint.keep_best, recipe.evaluate.domains if recipe.evaluate else {}
    if best is not None and best not in domains and not (best == "mean" and domains):
        raise TrainError(f"checkpoint.keep_best: {best}: not a domain of evaluate ({', '.join(domains) or 'it has none'}); name one, or use mean")


def best_of(out: Path) -> dict[str, Any] | None:
    """Step, score in bits per byte, and folder of the best checkpoint; None if there is none."""
    best = best_checkpoint(out / "checkpoints")
    return {"step": best[1].step, "bits_per_byte": best[1].score, "folder": str(best[0].relative_to(out))} if best else None


def configure_torch(recipe: TrainRecipe) -> None:
    """Set torch's threads, seed and numeric switches."""
    if recipe.threads is not None:
        torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    torch.set_float32_matmul_precision("high" if recipe.tf32 else "highest")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it costs a pass over every new tensor


def describe(recipe: TrainRecipe, mix: Mix, n_steps: int, world: World) -> dict[str, Any]:
    """The parts of run.json that are known when the run starts."""
    import transformers

    versions = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}
    return {
        "name": recipe.name,
        "recipe": recipe.model_dump(mode="json"),
        "steps": n_steps,
        "row_tokens": mix.row_tokens,
        "sources": mix.sources,
        "device": world.device.type,
        "device_name": device_name(world.device),
        "processes": world.size,
        "versions": versions,
    }
