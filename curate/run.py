"""`curate run`: measure → decide → write → commit. Each stage is restartable, and only what its inputs depend on is in its key.

    OUT/work/measure-KEY   inputs, repair, language model, words, MinHash parameters      (reads text; the long part)
    OUT/work/decide-KEY    the above and the whole recipe                                 (seconds; signals only)
    OUT/work/write-KEY     the same

So a run with other rules or thresholds starts at the second stage, and a run that was killed at its first unfinished task.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.chosen_rules import check_rules, chosen_rules
from curate.decide_stage import DECIDE_VERSION, decide_all
from curate.measure_stage import MEASURE_VERSION, MeasureJob, check_words, measure_task
from curate.models.language import check_language_model
from curate.read.documents import check_columns
from curate.read.files import InputFile, list_files
from curate.read.tasks import Task, cut_tasks
from curate.recipe import CurateRecipe
from curate.report import build_report
from curate.results import RunFolder
from curate.rules.decide import RuleSet
from curate.write_stage import WRITE_VERSION, WriteJob, write_task
from shards.console import progress
from shards.errors import CptkitError
from shards.manifest import Manifest, commit_manifest, json_hash, write_atomically
from shards.recipe import recipe_hash
from shards.stages import Stage, run_tasks
from shards.write import open_for_writing

SETS = {"documents": "documents", "held_out": "documents", "verdicts": "verdicts", "signals": "signals"}
"""The sets of an output folder and their kinds."""


@dataclass(frozen=True)
class Outcome:
    """What a run did: its report, whether it found everything done already, and files it passed over by extension."""

    report: dict[str, Any]
    was_done: bool
    skipped: dict[str, int]


@dataclass(frozen=True)
class Plan:
    """A run before it starts: tasks and the folders of its stages."""

    recipe: CurateRecipe
    out: Path
    tasks: tuple[Task, ...]
    rule_sets: tuple[RuleSet, ...]
    measured: Stage
    decided: Stage
    written: Stage
    key: str


def run(recipe: CurateRecipe, out: Path, workers: int) -> Outcome:
    """Run a recipe into `out`. Raises CurateError for inputs, columns, rules or models that cannot be used, before any work."""
    files, skipped = list_files(recipe.inputs)
    if recipe.language is not None:
        check_language_model(recipe.language.model)
    plan = _plan(recipe, out, files)
    report = _finished_report(plan)
    if report is not None:
        return Outcome(report, True, dict(skipped))
    _check(plan, files)
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
    _measure(plan, workers)
    if not plan.decided.is_done(0):
        decide_all(plan.measured, len(plan.tasks), recipe, plan.rule_sets, plan.decided.folder)
    _write(plan, workers)
    return Outcome(_commit(plan), False, dict(skipped))


def _check(plan: Plan, files: Sequence[InputFile]) -> None:
    check_columns(files)
    check_rules(plan.rule_sets)
    check_words(plan.recipe.words)


def _plan(recipe: CurateRecipe, out: Path, files: Sequence[InputFile]) -> Plan:
    tasks = tuple(cut_tasks(files))
    measure_key = json_hash([MEASURE_VERSION, _measured_part(recipe), [(file.path, file.name, file.n_bytes, file.mtime_ns) for file in files]])
    # What the rule sets say, not only their names: an edited file is another decision.
    rule_sets = tuple(chosen_rules(recipe.rules))
    rules = [rules.model_dump(mode="json") for rules in rule_sets]
    key = json_hash([measure_key, DECIDE_VERSION, WRITE_VERSION, recipe_hash(recipe), rules])
    work = out / "work"
    measured, decided, written = (Stage(work / f"{name}-{part[:16]}") for name, part in (("measure", measure_key), ("decide", key), ("write", key)))
    return Plan(recipe, out, tasks, rule_sets, measured, decided, written, key)


def _measured_part(recipe: CurateRecipe) -> dict[str, Any]:
    """What of a recipe the first stage depends on."""
    model = recipe.language and recipe.language.model
    status = os.stat(model) if model and model != "default" else None
    return {
        "inputs": [one.model_dump(mode="json") for one in recipe.inputs],
        "unicode": recipe.unicode,
        "language": [model, status and (status.st_size, status.st_mtime_ns)],
        "words": recipe.words,
        "minhash": recipe.dedup.minhash and recipe.dedup.minhash.model_dump(),
    }


def _measure(plan: Plan, workers: int) -> None:
    jobs = [MeasureJob(str(plan.measured.folder), task, plan.recipe) for task in plan.tasks if not plan.measured.is_done(task.number)]
    if len(jobs) < len(plan.tasks):
        logging.info("measured already: %s of %s tasks", len(plan.tasks) - len(jobs), len(plan.tasks))
    _run_all("measuring", measure_task, jobs, workers, lambda counts: {"docs": counts["read"], "MB": counts["bytes"] / 1e6})


def _write(plan: Plan, workers: int) -> None:
    first, jobs = 0, []
    for task in plan.tasks:
        if not plan.written.is_done(task.number):
            folders = (str(plan.written.folder), str(plan.measured.folder), str(plan.decided.folder))
            jobs.append(WriteJob(*folders, task.number, first, plan.recipe.keep_columns))
        first += sum(file.n_rows for file in plan.measured.files(task.number, "documents"))
    _run_all("writing", write_task, jobs, workers, lambda n_docs: {"docs": n_docs})


def _run_all(title: str, function: Callable[[Any], Any], jobs: Sequence[Any], workers: int, amounts: Callable[[Any], dict[str, float]]) -> None:
    """Run the jobs; raise the first error once all others are done, so that a rerun finds as much as possible done."""
    failed: Exception | None = None
    with progress(title, len(jobs)) as meter:
        for _, result in run_tasks(function, jobs, workers):
            if isinstance(result, Exception):
                failed = failed or result
            else:
                meter.advance(1, **amounts(result))
    if isinstance(failed, CptkitError):
        raise failed
    if failed is not None:
        raise RuntimeError(f"{title}: {type(failed).__name__}: {failed}") from failed


def _commit(plan: Plan) -> dict[str, Any]:
    """Turn finished stages into sets. Nothing is readable while they are exchanged; the record of the run is the last rename."""
    (plan.out / "work" / "run.json").unlink(missing_ok=True)
    for name in SETS:
        open_for_writing(plan.out / name)
    tasks = range(len(plan.tasks))
    sources = {"documents": (plan.written, tasks), "held_out": (plan.written, tasks), "verdicts": (plan.decided, [0]), "signals": (plan.measured, tasks)}
    info = {"inputs": _lineage(plan)}
    for name, (stage, numbers) in sources.items():
        files = stage.link_into(plan.out / name, numbers, name)
        recipe = plan.recipe.model_dump(mode="json")
        commit_manifest(plan.out / name, Manifest(SETS[name], tuple(files), recipe, recipe_hash(plan.recipe), (), info))
    report = build_report(plan.recipe, plan.rule_sets, RunFolder(plan.out, plan.measured, len(plan.tasks)))
    write_atomically(plan.out / "report.json", (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())
    record = {"key": plan.key, "measured": plan.measured.folder.name, "n_tasks": len(plan.tasks)}
    write_atomically(plan.out / "work" / "run.json", json.dumps(record).encode())
    for folder in (plan.out / "work").iterdir():
        if folder.is_dir() and folder != plan.measured.folder:
            shutil.rmtree(folder)
    return report


def _lineage(plan: Plan) -> list[dict[str, Any]]:
    """By source: files, bytes, licence, and one checksum over names and contents of all its files."""
    by_source: dict[str, list[dict[str, Any]]] = {recipe.source: [] for recipe in plan.recipe.inputs}
    for task in plan.tasks:
        for file in plan.measured.info(task.number)["inputs"]:
            by_source[file["source"]].append(file)
    licences = {recipe.source: recipe.license for recipe in plan.recipe.inputs}
    return [
        {
            "source": source,
            "license": licences[source],
            "files": len(files),
            "n_bytes": sum(file["n_bytes"] for file in files),
            "checksum": json_hash([(file["file"], file["checksum"]) for file in files]),
        }
        for source, files in by_source.items()
    ]


def _finished_report(plan: Plan) -> dict[str, Any] | None:
    """The report of an earlier run of the same recipe on the same inputs, if all of it is still there."""
    try:
        record = json.loads((plan.out / "work" / "run.json").read_text())
        report = json.loads((plan.out / "report.json").read_text())
    except (OSError, ValueError):
        return None
    whole = all((plan.out / name / "manifest.json").exists() for name in SETS)
    return report if whole and record["key"] == plan.key else None
