"""`evaluate watch`: scores the checkpoints of a run as they appear, each with the base model as `evaluate run` and `evaluate tasks` do."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.recipe import EvaluateRecipe
from eval.tasks.recipe import TasksRecipe
from eval.watch.checkpoints import Checkpoint, RunState, checkpoints_of, learning_rates, run_state
from eval.watch.curves import ScoredStep, curves_of
from eval.watch.record import FORMAT, WATCH_NAME, WatchRecord
from shards.derived import drop_derived
from shards.errors import CptkitError
from shards.folder import output_folder, write_owned
from shards.recipe import recipe_hash
from shards.record import check_values, json_hash, read_record, sealed

Json = dict[str, Any]

POLL_SECONDS = 20.0


@dataclass
class Watch:
    """One run being watched. Scores of a step go to OUT/steps/step-N, those of the base model are shared through OUT/work, and watch.json is written
    again after each step, so a kill loses the step in work at most."""

    run: Path
    recipe: EvaluateRecipe | None
    tasks: TasksRecipe | None
    out: Path
    state: RunState
    steps: dict[int, ScoredStep] = field(default_factory=dict)
    skipped: dict[int, str] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Hash of what the scores depend on: the run, and the recipes but for models besides the baseline."""
        parts = [_without_models(recipe) for recipe in (self.recipe, self.tasks) if recipe is not None]
        return json_hash([self.state.recipe_hash, self.state.model_hash, parts])

    def score(self, checkpoint: Checkpoint) -> None:
        """Score a checkpoint. One that vanishes meanwhile is skipped and logged; other errors are raised."""
        model, folder = f"{self.state.name}@{checkpoint.step}", self.out / "steps" / f"step-{checkpoint.step:06d}"
        try:
            if problem := checkpoint.problem():
                raise EvalError(problem)
            summary = self._summary(checkpoint, model, folder) if self.recipe is not None else None
            answers = self._answers(checkpoint, model, folder / "tasks") if self.tasks is not None else None
        except (CptkitError, OSError):
            problem = checkpoint.problem()
            if problem is None:
                raise
            logging.warning("step %s: %s: skipped, because %s", f"{checkpoint.step:,}", checkpoint.path, problem)
            self.skipped[checkpoint.step] = problem
            return
        self.skipped.pop(checkpoint.step, None)
        self.steps[checkpoint.step] = ScoredStep(checkpoint, model, summary, answers)

    def _summary(self, checkpoint: Checkpoint, model: str, folder: Path) -> Json:
        from eval.run import run

        assert self.recipe is not None
        models = {self.recipe.baseline: self.recipe.models[self.recipe.baseline], model: checkpoint.path}
        return run(self.recipe.model_copy(update={"models": models, **_ungrouped(self.recipe), "work": self.out / "work", "out": folder}))

    def _answers(self, checkpoint: Checkpoint, model: str, folder: Path) -> Json:
        from eval.tasks.run import run_tasks

        assert self.tasks is not None
        models = {self.tasks.baseline: self.tasks.models[self.tasks.baseline], model: checkpoint.path}
        changes = {"models": models, **_ungrouped(self.tasks), "work": self.out / "work", "out": folder}
        return run_tasks(self.tasks.model_copy(update=changes))

    def content(self) -> Json:
        """The content of watch.json."""
        recipe = self.recipe or self.tasks
        assert recipe is not None
        steps = [
            {"step": step, "tokens": scored.checkpoint.tokens, "model": scored.model, "folder": f"steps/step-{step:06d}"}
            for step, scored in sorted(self.steps.items())
        ]
        return {
            "format": FORMAT,
            "run": {"name": self.state.name, "folder": str(self.run), "recipe_hash": self.state.recipe_hash},
            "identity": self.identity,
            "baseline": recipe.baseline,
            "finished": self.state.finished,
            "recipe": {name: _without_models(one) for name, one in (("evaluate", self.recipe), ("tasks", self.tasks)) if one is not None},
            "learning_rate": sorted(learning_rates(self.run).items()),
            "steps": steps,
            "curves": curves_of(list(self.steps.values())),
            "skipped": [{"step": step, "why": why} for step, why in sorted(self.skipped.items())],
        }

    def write(self) -> Json:
        """Write watch.json; pages made from an earlier one are deleted."""
        content = self.content()
        path, data = self.out / WATCH_NAME, sealed(content, allow_nan=False)
        if path.is_file() and path.read_bytes() != data:
            drop_derived(self.out, "make it again with `evaluate report`")
        write_owned(path, data)
        return content


def watch(
    run: Path,
    recipe: EvaluateRecipe | None,
    tasks: TasksRecipe | None,
    out: Path,
    *,
    once: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Json:
    """Score checkpoints until the run is finished and its model is scored; with `once`, only those that are there now. Returns the content of watch.json.

    A rerun goes on where it stopped; what a deleted checkpoint scored before stays. Raises EvalError if `out` holds the scores of another run or recipe.
    """
    if recipe is None and tasks is None:
        raise EvalError("nothing to score; give a recipe of `evaluate run`, or --tasks with one of `evaluate tasks`")
    with output_folder(out, [WATCH_NAME]):
        watched = Watch(run, recipe, tasks, out, run_state(run))
        _restore(watched)
        while True:
            watched.state = run_state(run)  # read before the list: a run that has ended by now has written all its checkpoints
            waiting = [one for one in checkpoints_of(run, watched.state) if one.step not in watched.steps and one.step not in watched.skipped]
            if waiting:
                watched.score(waiting[0])  # then look again: meanwhile older ones may have been deleted
                watched.write()
            elif once or watched.state.finished:
                return watched.write()
            else:
                sleep(POLL_SECONDS)


def _restore(watched: Watch) -> None:
    """Take over the steps of an earlier start whose scores are whole."""
    try:
        record = read_record(watched.out / WATCH_NAME, dict[str, Any], error=EvalError, remedy=f"delete {watched.out}")
    except FileNotFoundError:
        return
    check_values(record, WatchRecord, str(watched.out / WATCH_NAME), f"delete {watched.out}", error=EvalError)
    if record["identity"] != watched.identity:
        raise EvalError(f"{watched.out}: holds the scores of another run or of other recipes; give another --out")
    for step in record["steps"]:
        folder = watched.out / step["folder"]
        summary = _read(folder / "summary.json") if watched.recipe is not None else None
        answers = _read(folder / "tasks" / "tasks.json") if watched.tasks is not None else None
        if (summary is None) == (watched.recipe is None) and (answers is None) == (watched.tasks is None):
            path = watched.run / "checkpoints" / folder.name
            watched.steps[step["step"]] = ScoredStep(Checkpoint(path, step["step"], step["tokens"]), step["model"], summary, answers)


def _read(path: Path) -> Json | None:
    try:
        return read_record(path, dict[str, Any], error=EvalError)
    except (FileNotFoundError, EvalError):
        return None


def _ungrouped(recipe: EvaluateRecipe | TasksRecipe) -> Json:
    """Defaults of the keys that speak of other models than the baseline."""
    fields = type(recipe).model_fields
    return {name: fields[name].get_default(call_default_factory=True) for name in ("recipes", "results", "chain") if name in fields}


def _without_models(recipe: EvaluateRecipe | TasksRecipe) -> Json:
    kept = recipe.model_copy(update={"models": {recipe.baseline: recipe.models[recipe.baseline]}, **_ungrouped(recipe)})
    return kept.model_dump(mode="json") | {"hash": recipe_hash(kept)}
