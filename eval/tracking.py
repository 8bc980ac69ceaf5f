"""`evaluate log`: sends the scores of a run's models to the trackers that the trainer speaks, at the step of each model.

With Weights & Biases and Trackio the figures join the trainer's own run, if it was tracked in the same project; TensorBoard shows them as a run
`evaluate` beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.frontier.runs import TrainRun, read_run, run_of_model
from eval.report.record import SummaryRecord
from eval.tasks.record import TASKS_NAME, TasksRecord
from eval.watch.record import WATCH_NAME, WatchRecord
from shards.record import check_values, read_record
from shards.trackers import TrackedRun, TrackioRecipe, WandbRecipe, open_trackers, run_key

Json = dict[str, Any]
Lines = dict[int, dict[str, float]]
"""step → figures by name"""

TRACKERS = ("tensorboard", "wandb", "trackio")
_RERUN = "rerun the command that wrote it"


def log(results: Sequence[Path], run_folder: Path, to: Sequence[str], project: str | None) -> Lines:
    """Send the figures of `results` (folders of `evaluate run`, `tasks` and `watch`) that belong to models of the run; returns them. Raises EvalError if
    none does, for an unknown tracker, and for W&B or Trackio without a project."""
    for name in to:
        if name not in TRACKERS:
            raise EvalError(f"--to {name}: no such tracker; take {', '.join(TRACKERS)}")
    if project is None and {"wandb", "trackio"} & set(to):
        raise EvalError("--project: needed for wandb and trackio; give the project of the training run")
    run = read_run(run_folder, run_folder.resolve().name)
    lines: Lines = {}
    for folder in results:
        for step, figures in _lines_of(folder, run).items():
            lines.setdefault(step, {}).update(figures)
    if not lines:
        raise EvalError(f"none of the models in {', '.join(map(str, results))} is one of the run {run_folder}; give the run that trained them")
    _send(lines, run, to, project)
    return lines


def _send(lines: Lines, run: TrainRun, to: Sequence[str], project: str | None) -> None:
    record = run.record
    key = run_key(run.folder, str(record.get("settings_hash", "")), str(record.get("model_hash", "")))
    name = str(record.get("name") or run.label)
    trackers = open_trackers(
        TrackedRun(name, key, {}, 0),
        run.folder,
        tensorboard=run.folder / "tensorboard" / "evaluate" if "tensorboard" in to else None,
        wandb=WandbRecipe(project=project) if project is not None and "wandb" in to else None,
        trackio=TrackioRecipe(project=project) if project is not None and "trackio" in to else None,
        error=EvalError,
    )
    for step in sorted(lines):
        trackers.log(step, lines[step])
    trackers.close()


def _lines_of(folder: Path, run: TrainRun) -> Lines:
    """Figures of the run's models in one folder of results."""
    readers = {"summary.json": (SummaryRecord, _of_summary), TASKS_NAME: (TasksRecord, _of_tasks), WATCH_NAME: (WatchRecord, _of_watch)}
    lines: Lines = {}
    found = [name for name in readers if (folder / name).is_file()]
    if not found:
        raise EvalError(f"{folder}: no {', '.join(readers)}; give output folders of `evaluate run`, `evaluate tasks` or `evaluate watch`")
    for name in found:
        model, lines_of = readers[name]
        content: Json = read_record(folder / name, dict[str, Any], error=EvalError, remedy=_RERUN)
        check_values(content, model, str(folder / name), _RERUN, error=EvalError)
        for step, figures in lines_of(content, run):
            lines.setdefault(step, {}).update(figures)
    return lines


def _of_summary(summary: Json, run: TrainRun) -> Iterable[tuple[int, dict[str, float]]]:
    for model, step in _models_of(summary, run):
        figures = {f"evaluate/bits_per_byte/{row['domain']}": row["bits_per_byte"] for row in summary["scores"] if row["model"] == model}
        for row in _against_baseline(summary, model):
            figures |= _change(f"evaluate/bits_per_byte_change/{row['domain']}", row)
        yield step, figures


def _of_tasks(record: Json, run: TrainRun) -> Iterable[tuple[int, dict[str, float]]]:
    for model, step in _models_of(record, run):
        figures = {f"evaluate/{row['metric']}/{row['task']}": row["value"] for row in record["scores"] if row["model"] == model}
        for row in _against_baseline(record, model):
            figures |= _change(f"evaluate/{row['metric']}_change/{row['task']}", row)
        yield step, figures


def _of_watch(record: Json, run: TrainRun) -> Iterable[tuple[int, dict[str, float]]]:
    if record["run"]["recipe_hash"] != run.record.get("recipe_hash"):
        return
    for curve in record["curves"]:
        for point in curve["points"]:
            name = f"evaluate/{curve['metric']}"
            yield point["step"], {f"{name}/{curve['name']}": point["value"]} | _change(f"{name}_change/{curve['name']}", point)


def _models_of(record: Json, run: TrainRun) -> Iterable[tuple[str, int]]:
    """Names of the run's models in a record, with their steps."""
    paths = record["recipe"].get("models", {})
    for name, facts in record["models"].items():
        found, step = run_of_model(facts["checksum"], Path(paths[name]) if name in paths else None, [run])
        if found is not None:
            yield name, run.steps[-1]["step"] if step is None else step


def _against_baseline(record: Json, model: str) -> list[Json]:
    return [row for row in record["differences"] if (row["model"], row["against"]) == (model, record["baseline"])]


def _change(name: str, row: Mapping[str, Any]) -> dict[str, float]:
    """The change and the ends of its interval, where there is one."""
    ends = {} if row["low"] is None else {f"{name}/low": row["low"], f"{name}/high": row["high"]}
    return {f"{name}/delta": row["delta"], **ends}
