"""A new run that starts from a checkpoint of another one: its weights, and if wanted the moments of its optimizer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from shards.record import json_hash
from train.errors import TrainError
from train.optimize.weights import TrainedWeights
from train.recipe import ResumeRecipe
from train.save.checkpoint import CheckpointFacts, Checkpoints, check_files, list_checkpoints, read_facts, tensor_shapes


@dataclass(frozen=True)
class Fork:
    """The checkpoint that a run starts from; `path` is None if it is gone, which matters only before the run's own first checkpoint."""

    recipe: ResumeRecipe
    path: Path | None
    hash: str
    facts: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """What run.json holds of it."""
        return {"run": self.recipe.run.name, "step": self.recipe.step, "moments": self.recipe.moments, "checkpoint_hash": self.hash} | self.facts


def open_fork(recipe: ResumeRecipe | None, record: dict[str, Any] | None) -> Fork | None:
    """The checkpoint of a recipe's `resume_from`. If it is gone, but `record` (the run.json of this run) names it, the run may still be resumed.

    Raises TrainError for a run without this checkpoint, and for a damaged one.
    """
    if recipe is None:
        return None
    path = recipe.run / "checkpoints" / f"step-{recipe.step:06d}"
    if not path.is_dir():
        known = (record or {}).get("resumed_from")
        if known and (known["step"], known["moments"]) == (recipe.step, recipe.moments):
            return Fork(recipe, None, known["checkpoint_hash"], {key: known[key] for key in ("identity", "next_row")})
        steps = ", ".join(str(int(found.name.removeprefix("step-"))) for found in list_checkpoints(recipe.run / "checkpoints"))
        raise TrainError(f"resume_from: {recipe.run} has no checkpoint of step {recipe.step}; it has {f'steps {steps}' if steps else 'none'}")
    facts = _read(path)
    return Fork(recipe, path, json_hash(facts.model_dump(exclude={"score"})), {"identity": facts.identity, "next_row": facts.next_row})


def _read(path: Path) -> CheckpointFacts:
    try:
        return read_facts(path)
    except TrainError as error:
        raise TrainError(f"resume_from: {error}") from None


def start_from(fork: Fork, checkpoints: Checkpoints, weights: TrainedWeights, *, is_whole: bool, model_hash: str) -> None:
    """Load the checkpoint into `weights`, as the state before a run's first step. `is_whole`: all parameters are trained, so that nothing of the base
    model is left. Raises TrainError for a checkpoint that is gone, damaged, or of a model or optimizer with other tensors."""
    if fork.path is None:
        raise TrainError(f"resume_from: {fork.recipe.run}: the checkpoint of step {fork.recipe.step} is gone, and this run has no checkpoint of its own yet")
    try:
        check_files(fork.path, _read(fork.path))
    except TrainError as error:
        raise TrainError(f"resume_from: {error}; restore it, or start from another step") from None
    if not is_whole and fork.facts["identity"].get("model_hash") != model_hash:
        raise TrainError(f"resume_from: {fork.path}: adapt trains only a part of the model, and `model` is not the base of that run; give its base")
    state = weights.forked_state(moments=fork.recipe.moments)
    problem = _difference(state, tensor_shapes(fork.path))
    if problem is not None:
        raise TrainError(f"resume_from: {fork.path}: {problem}")
    checkpoints.load(fork.path, state)
    weights.refresh()
    weights.averages.restart()


def _difference(state: dict[str, Tensor], stored: dict[str, tuple[int, ...]]) -> str | None:
    """What keeps the stored tensors from being loaded into `state`; None if nothing does."""
    for name, tensor in state.items():
        kind, _, parameter = name.partition(".")
        if name not in stored and kind != "weight":
            return f"holds no {name}: that run used another optimizer; set moments: false"
        if name not in stored:
            return f"holds no parameter {parameter}: it is a checkpoint of another model, or its optimizer.weights differ"
        if stored[name] != tuple(tensor.shape):
            return f"{parameter} has shape {stored[name]} there and {tuple(tensor.shape)} in this model; give the model that was trained"
    extra = sorted(name.removeprefix("weight.") for name in stored.keys() - state.keys() if name.startswith("weight."))
    return f"holds {extra[0]}, which this model does not train; give the model that was trained, with the same adapt" if extra else None
