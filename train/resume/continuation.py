"""Whether the run in an output folder continues on this start's mix: on the same plan, or on one that begins with the rows trained on so far."""

import json
import logging
import math
from pathlib import Path
from typing import Any

from train.adapt.stages import stage_ends
from train.errors import TrainError
from train.optimize.schedule import lr_at
from train.recipe import TrainRecipe
from train.resume.record import PlanUse, RunIdentity, refuse_other_run
from train.save.checkpoint import CheckpointFacts, newest_intact
from train.steps import Steps
from train.watch import metrics


def plans_of_run(out: Path, record: dict[str, Any] | None, identity: RunIdentity, recipe: TrainRecipe, steps: Steps) -> list[dict[str, Any]]:
    """The plans of the run in `out`, as `run.json` lists them, including that of this start.

    Raises TrainError if `out` holds another run, if rows trained on are not those of this plan, or if its schedule breaks off.
    """
    used = PlanUse(plan_hash=identity.mix.plan_hash, first_row=0, steps=steps.n_steps)
    if record is None:
        return [used.model_dump()]
    if record["plan_hash"] == identity.mix.plan_hash:
        refuse_other_run(out, record, identity.of_start())
        return record["plans"] if record["recipe_hash"] == identity.recipe_hash else [used.model_dump()]
    checkpoint = newest_intact(out / "checkpoints")
    if checkpoint is None:
        refuse_other_run(out, record, identity.of_start())
        return [used.model_dump()]
    path, facts = checkpoint
    _refuse_other_rows(out, path, facts, identity)
    if facts.step > steps.n_steps or facts.next_row != steps.rows_before(facts.step):
        raise TrainError(
            f"{path}: step {facts.step} ended at row {facts.next_row}, but on {identity.mix.location} it would not, or the run would have fewer steps; "
            "extend the mix by more tokens, with the same batch_rows"
        )
    _refuse_other_schedule(out, facts, record["steps"], recipe, steps)
    logging.info("%s: continuing on plan %s from row %d", out, used.plan_hash, facts.next_row)
    earlier = [use for use in record["plans"] if use["first_row"] < facts.next_row]
    return [*earlier, used.model_copy(update={"first_row": facts.next_row}).model_dump()]


def _refuse_other_rows(out: Path, path: Path, facts: CheckpointFacts, identity: RunIdentity) -> None:
    """Raise TrainError if a checkpoint belongs to a run with other settings, or was trained on rows that this start's mix does not have."""
    expected, plan = identity.at(facts.next_row), identity.mix.plan
    if facts.identity | {"prefix_hash": expected["prefix_hash"]} != expected or facts.identity.get("prefix_hash") == expected["prefix_hash"]:
        refuse_other_run(out, facts.identity, expected)
        return
    kept = next((row for row in plan.joins if plan.prefix_hash(row) == facts.identity.get("prefix_hash")), None)
    if kept is None:
        refuse_other_run(out, facts.identity, expected)
    raise TrainError(
        f"{path}: trained up to row {facts.next_row}, but mix {identity.mix.location} keeps only the first {kept} rows of the mix that this run was trained "
        f"on; extend that mix again with --at-checkpoint {path}, or give another --out"
    )


def _refuse_other_schedule(out: Path, facts: CheckpointFacts, old_steps: int, recipe: TrainRecipe, steps: Steps) -> None:
    """Raise TrainError if schedule or stages of adaptation, which depend on the number of steps, differ from those of the steps done."""
    now = lr_at(facts.step, steps.n_steps, recipe.optimizer.lr, recipe.schedule, steps.stage_ends())
    before = lr_of_step(out, facts.step)
    if recipe.schedule_change == "refuse" and not math.isclose(before, now, rel_tol=1e-9):
        raise TrainError(
            f"schedule: the learning rate of step {facts.step} was {before:g} over {old_steps} steps and is {now:g} over {steps.n_steps}; "
            f"set steps: {old_steps}, or resume from a step at which both agree (the constant part of wsd), or set schedule_change: accept"
        )
    if recipe.adapt is not None and len(recipe.adapt.stages) > 1:
        ends = [stage_ends(recipe.adapt.stages, n_steps)[:-1] for n_steps in (old_steps, steps.n_steps)]
        if ends[0] != ends[1]:
            raise TrainError(f"adapt.stages: ended at steps {ends[0]} of {old_steps} and would end at {ends[1]} of {steps.n_steps}; set steps: {old_steps}")


def lr_of_step(out: Path, step: int) -> float:
    """The learning rate of a step that was done, from metrics.jsonl. Raises TrainError if the file does not hold the step."""
    path = out / metrics.FILE
    try:
        with path.open(encoding="utf-8") as lines:
            return next(record["lr"] for record in map(json.loads, lines) if record["step"] == step)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        raise TrainError(f"{path}: does not hold step {step}, which the checkpoint was saved after; restore the file, or give another --out") from None
