"""Reads the inputs of a report: summaries, run reports, previews, metrics, and the hashes that record how they were made."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.probes.record import ProbesRecord
from eval.report.recipe import ReportRecipe
from eval.report.record import PreviewRecord, StepRecord, SummaryRecord, TrainedRecord
from eval.suggestion import SuggestionRecord, read_suggestion
from eval.tasks.record import TASKS_NAME, TasksRecord
from eval.watch.record import WATCH_NAME, WatchRecord
from shards.manifest import MANIFEST_NAME, read_manifest
from shards.record import check_values, read_record
from shards.report_record import ReportRecord

Json = dict[str, Any]

_RESUME = "resume the run with `train`, which writes it again"


@dataclass(frozen=True)
class ReportInputs:
    """All inputs of a report, by the names of its recipe. Formats are those of docs/reference/file-formats.md; `plans` are hashes of the mixes'
    plans, if their manifests have them."""

    summary: Json
    corpora: dict[str, Json]
    mixes: dict[str, Json]
    runs: dict[str, list[Json]]
    records: dict[str, Json]
    plans: dict[str, str]
    suggestions: dict[str, SuggestionRecord]
    watched: dict[str, Json]
    probes: Json | None
    provenance: list[dict[str, str]]
    tasks: Json | None = None


def read_inputs(recipe: ReportRecipe) -> ReportInputs:
    """Read everything that the recipe names. Raises EvalError for a folder or file that is missing or invalid."""
    summary = _read_json(recipe.scores / "summary.json", SummaryRecord, "scores", "evaluate run")
    corpora = {name: _read_json(path / "report.json", ReportRecord, f"curate.{name}", "curate run") for name, path in recipe.curate.items()}
    mixes = {name: _read_json(path / "preview.json", PreviewRecord, f"mixes.{name}", "mix build") for name, path in recipe.mixes.items()}
    runs = {name: _read_metrics(path / "metrics.jsonl", f"runs.{name}") for name, path in recipe.runs.items()}
    records = {
        name: _read_json(path / "run.json", TrainedRecord, f"runs.{name}", "train") for name, path in recipe.runs.items() if (path / "run.json").exists()
    }
    plans = {name: read_manifest(path).info.get("plan_hash", "") for name, path in recipe.mixes.items() if (path / MANIFEST_NAME).exists()}
    suggestions = {name: read_suggestion(path, f"suggestions.{name}") for name, path in recipe.suggestions.items()}
    watched = {name: _read_json(path / WATCH_NAME, WatchRecord, f"watch.{name}", "evaluate watch") for name, path in recipe.watch.items()}
    probes = _of_same_models(recipe.probes, "probes.json", ProbesRecord, "probes", summary)
    tasks = _of_same_models(recipe.tasks, TASKS_NAME, TasksRecord, "tasks", summary)
    provenance = _provenance(recipe, summary, corpora, records, plans)
    if recipe.tasks and tasks:
        provenance.append(_artefact("answers to tasks", recipe.tasks, tasks["recipe_hash"]))
    for what, record in (("probes", probes), *((f"checkpoints of {name}", record) for name, record in watched.items())):
        if record:
            provenance.append({"what": what, "recipe": record.get("recipe_hash", ""), "content": record.get("checksum", "")})
    return ReportInputs(summary, corpora, mixes, runs, records, plans, suggestions, watched, probes, provenance, tasks)


def _of_same_models(folder: Path | None, name: str, model: Any, key: str, summary: Json) -> Json | None:
    """The record of `evaluate KEY`, None if there is no folder. Raises EvalError if it is about other models of the same names."""
    if folder is None:
        return None
    record = _read_json(folder / name, model, key, f"evaluate {key}")
    for model_name, facts in record["models"].items():
        scored = summary["models"].get(model_name)
        if scored and facts["checksum"] != scored["checksum"]:
            where = f"{key}: model {model_name} of {folder}"
            raise EvalError(f"{where} is not the one that was scored; rerun `evaluate {key}` and `evaluate run` on the same models")
    return record


def _read_json(path: Path, model: Any, key: str, command: str) -> Json:
    try:
        content = read_record(path, dict[str, Any], error=EvalError, remedy=f"rerun `{command}`")
        check_values(content, model, str(path), f"it is not what `{command}` writes", error=EvalError)
    except FileNotFoundError:
        raise EvalError(f"{key}: no {path.name} in {path.parent}; give the output folder of a finished `{command}`") from None
    except EvalError as error:
        raise EvalError(f"{key}: {error}") from None
    return content


def _read_metrics(path: Path, key: str) -> list[Json]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise EvalError(f"{key}: no {path.name} in {path.parent}; give the output folder of `train`") from None
    steps = []
    for number, line in enumerate(lines, 1):
        try:
            steps.append(json.loads(line))
        except ValueError as error:
            raise EvalError(f"{key}: {path} line {number} is not a step's metrics ({error!r}); {_RESUME}") from None
        check_values(steps[-1], StepRecord, f"{key}: {path} line {number} is not a step's metrics", _RESUME, error=EvalError)
    if not steps:
        raise EvalError(f"{key}: {path} holds no steps; run `train` first")
    return steps


def _provenance(
    recipe: ReportRecipe, summary: Json, corpora: Mapping[str, Json], records: Mapping[str, Json], plans: Mapping[str, str]
) -> list[dict[str, str]]:
    """One row per artefact: its name, the hash of the recipe that made it, the hash of its content."""
    rows = [_artefact(f"documents of {name}", recipe.curate[name] / "documents", report.get("recipe_hash", "")) for name, report in corpora.items()]
    rows += [_artefact(f"mix of {name}", path, "") | {"plan": plans.get(name, "")} for name, path in recipe.mixes.items()]
    for name, record in records.items():
        rows += _of_run(name, record)
    rows += [{"what": f"model {name}", "recipe": "", "content": model["checksum"]} for name, model in summary["models"].items()]
    rows += [{"what": f"held-out {name}", "recipe": "", "content": domain["manifest_hash"]} for name, domain in summary["domains"].items()]
    return [*rows, _artefact("scores", recipe.scores, summary.get("recipe_hash", ""))]


def _of_run(name: str, record: Json) -> list[dict[str, str]]:
    """The run itself, plans that it was trained on before its mix was extended, and the checkpoint of another run that it started from."""
    run = {"what": f"run {name}", "recipe": str(record.get("recipe_hash", "")), "content": "", "plan": str(record.get("plan_hash", ""))}
    plans = record.get("plans", [])
    earlier = [
        {"what": f"run {name}, rows {plan['first_row']:,} to {after['first_row'] - 1:,}", "recipe": "", "content": "", "plan": plan["plan_hash"]}
        for plan, after in pairwise(plans)
    ]
    start = record.get("resumed_from")
    if start is None:
        return [run, *earlier]
    return [run, *earlier, {"what": f"start of run {name}: {start['run']}, step {start['step']}", "recipe": "", "content": start["checkpoint_hash"]}]


def _artefact(what: str, folder: Path, recipe_hash: str) -> dict[str, str]:
    if not (folder / MANIFEST_NAME).exists():
        return {"what": what, "recipe": recipe_hash, "content": ""}
    manifest = read_manifest(folder)
    return {"what": what, "recipe": recipe_hash or manifest.recipe_hash, "content": manifest.hash}
