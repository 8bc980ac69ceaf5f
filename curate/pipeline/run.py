"""`curate run`: measure → decide → compare → write → commit. Each stage can be resumed, and its key holds only what its result depends on.

    OUT/work/measure-KEY   inputs and what the steps depend on        by task; reads the text, so it takes longest
    OUT/work/decide-KEY    the above and the whole recipe             by task; each document alone, by its signals
    OUT/work/compare-KEY   the same                                   all documents at once: duplicates
    OUT/work/write-KEY     the same                                   by task

A run with other rules or thresholds starts at the second stage; a run that was killed resumes at its first unfinished task.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.compare.earlier import earlier_key
from curate.engines.engine import Engine, make_engine, start_loading
from curate.engines.launch import remove_launches
from curate.errors import CurateError
from curate.pipeline.compare import CompareJob, compare_task
from curate.pipeline.decide import DECIDE_VERSION, DecideJob, decide_task
from curate.pipeline.measure import MEASURE_VERSION, MeasureJob, measure_task, signals_schema
from curate.pipeline.timings import Timings
from curate.pipeline.write import WRITE_VERSION, WriteFolders, WriteJob, write_task
from curate.read.documents import check_columns, check_keys
from curate.read.file_names import file_name
from curate.read.files import list_files
from curate.read.part import InputFile
from curate.read.tasks import Task, cut_tasks
from curate.recipe import CurateRecipe
from curate.report.build import build_report
from curate.report.warnings import command
from curate.rules.chosen import check_rules, chosen_rules
from curate.rules.decide import RuleSet
from curate.run_folder import read_report, read_run_record
from curate.steps.order import make_steps, prepare_steps, steps_key
from curate.steps.signatures import signature_key
from shards.atomic import write_atomically
from shards.console import progress
from shards.derived import drop_derived
from shards.errors import CptkitError
from shards.folder import adopt, claim, output_folder, remove_recorded, tidy_finished, write_owned
from shards.manifest import MANIFEST_NAME, Manifest, commit_manifest, is_whole
from shards.recipe import recipe_hash
from shards.record import json_hash, sealed
from shards.stages import Stage, remove_stages
from shards.write import open_for_writing, refuse_other_kind, remove_set

SETS = {"documents": "documents", "held_out": "documents", "verdicts": "verdicts", "signals": "signals"}
"""The sets of an output folder and their kinds."""
SIGNATURE_SETS = {"bands": "bands", "signatures": "signatures"}
"""Further sets, one row for each row of `signals`; later runs use them to find duplicates of this run's documents."""

STAGES = r"(measure|decide|compare|write)-[0-9a-f]{16}"
"""Names of stage folders in OUT/work."""


@dataclass(frozen=True)
class Outcome:
    """The result of a run: its report, whether all was done already, and the number of files skipped by extension."""

    report: dict[str, Any]
    was_done: bool
    skipped: dict[str, int]


@dataclass(frozen=True)
class Plan:
    """A run before it starts: its tasks and stages."""

    recipe: CurateRecipe
    out: Path
    tasks: tuple[Task, ...]
    rule_sets: tuple[RuleSet, ...]
    measured: Stage
    decided: Stage
    compared: Stage
    written: Stage
    key: str


def run(recipe: CurateRecipe, out: Path, workers: int) -> Outcome:
    """Run a recipe into `out`. Raises CurateError for unusable inputs, columns, rules or models before any work starts."""
    start_loading(recipe.engine, workers)
    files, skipped = list_files(recipe.inputs, out)
    plan = _plan(recipe, out, files)
    report = _finished_report(plan)
    if report is not None:
        tidy_finished(out)
        return Outcome(report, True, dict(skipped))
    with output_folder(out, ("report.json", "timings.json", "work/run.json")), closing(make_engine(recipe.engine, workers, out / "work" / "launch")) as engine:
        for name, kind in (SETS | SIGNATURE_SETS).items():
            if not (out / name / MANIFEST_NAME).exists():
                remove_recorded(out, name)  # a set of an earlier run whose manifest is missing
            refuse_other_kind(out / name, kind)
        _check(plan, files)
        _log_default_rules(plan)
        runner = _Runner(engine, Timings())
        _measure(plan, runner)
        _decide(plan, runner)
        _compare(plan, runner)
        _write(plan, runner)
        with runner.timings.stage("committing", 1):
            report = _commit(plan)
        runner.timings.write(out / "timings.json")
    for warning in report["warnings"]:
        logging.warning("%s", "; look at them: ".join(filter(None, (warning["text"], command(warning, out)))))
    return Outcome(report, False, dict(skipped))


def _check(plan: Plan, files: Sequence[InputFile]) -> None:
    """Raise CurateError for what cannot work, before the long part starts."""
    check_keys(files)
    check_columns(files)
    prepare_steps(plan.recipe, plan.measured.folder)
    signals = signals_schema(make_steps(plan.recipe, plan.measured.folder)).names
    check_rules(plan.rule_sets, signals)
    unknown = [name for name in plan.recipe.keep_signals if name not in signals]
    if unknown:
        raise CurateError(f"keep_signals: nothing measures {unknown[0]}; there is {', '.join(signals)}")


def _log_default_rules(plan: Plan) -> None:
    if "rules" not in plan.recipe.model_fields_set:
        names = ", ".join(rules.name for rules in plan.rule_sets)
        logging.info("rules: none given, so %s are applied, made for web pages in English; `rules: []` drops nothing by rule", names)


def _plan(recipe: CurateRecipe, out: Path, files: Sequence[InputFile]) -> Plan:
    tasks = tuple(cut_tasks(files))
    measure_key = json_hash(
        [
            MEASURE_VERSION,
            _inputs_key(recipe),
            steps_key(recipe),
            [(file_name(file.path), file.name, file.n_bytes, file.mtime_ns, file.problem) for file in files],
        ]
    )
    # The content of rule sets, not only their names: an edited file is another decision.
    rule_sets = tuple(chosen_rules(recipe.rules))
    rules = [rules.model_dump(mode="json") for rules in rule_sets]
    key = json_hash([measure_key, DECIDE_VERSION, WRITE_VERSION, recipe_hash(recipe), rules, earlier_key(recipe.dedup, recipe.words)])
    work = out / "work"
    measured, decided, compared, written = (
        Stage(work / f"{name}-{part[:16]}") for name, part in (("measure", measure_key), ("decide", key), ("compare", key), ("write", key))
    )
    return Plan(recipe, out, tasks, rule_sets, measured, decided, compared, written, key)


def _inputs_key(recipe: CurateRecipe) -> Any:
    return [one.model_dump(mode="json") for one in recipe.inputs]


def _measure(plan: Plan, runner: "_Runner") -> None:
    jobs = {task.number: MeasureJob(str(plan.measured.folder), task, plan.recipe) for task in plan.tasks}
    results = runner.run("measuring", measure_task, jobs, plan.measured, lambda done: {"docs": done["counts"]["read"], "MB": done["counts"]["bytes"] / 1e6})
    for done in results:
        runner.timings.add_steps(done["seconds"])


def _decide(plan: Plan, runner: "_Runner") -> None:
    jobs = {task.number: DecideJob(str(plan.decided.folder), str(plan.measured.folder), task.number, plan.recipe, plan.rule_sets) for task in plan.tasks}
    runner.run("deciding", decide_task, jobs, plan.decided, lambda n_docs: {"docs": n_docs})


def _compare(plan: Plan, runner: "_Runner") -> None:
    jobs = {0: CompareJob(str(plan.compared.folder), str(plan.measured.folder), str(plan.decided.folder), len(plan.tasks), plan.recipe)}
    runner.run("comparing", compare_task, jobs, plan.compared, lambda n_docs: {"docs": n_docs})


def _write(plan: Plan, runner: "_Runner") -> None:
    folders = WriteFolders(*(str(stage.folder) for stage in (plan.written, plan.measured, plan.decided, plan.compared)))
    first, jobs = 0, {}
    for task in plan.tasks:
        jobs[task.number] = WriteJob(folders, task.number, first, plan.recipe, plan.rule_sets)
        first += sum(file.n_rows for file in plan.measured.files(task.number, "documents"))
    runner.run("writing", write_task, jobs, plan.written, lambda n_docs: {"docs": n_docs})


@dataclass(frozen=True)
class _Runner:
    """Runs stages on an engine and times them."""

    engine: Engine
    timings: Timings

    def run(self, title: str, function: Callable[[Any], Any], jobs: Mapping[int, Any], stage: Stage, amounts: Callable[[Any], dict[str, float]]) -> list[Any]:
        """Run the unfinished tasks of a stage. The first error is raised after all other tasks, so that a rerun has least to do.

        `amounts` gives the progress of a task from its result. Returns the results of the tasks that were run.
        """
        missing = {number: job for number, job in jobs.items() if not stage.is_done(number)}
        if len(missing) < len(jobs):
            logging.info("%s: %s of %s tasks are done already", title, len(jobs) - len(missing), len(jobs))
        results: list[Any] = []
        failed: Exception | None = None
        with progress(title, len(missing)) as meter, self.timings.stage(title, len(missing)):
            for _, result in self.engine.run(function, missing, stage):
                if isinstance(result, Exception):
                    failed = failed or result
                else:
                    meter.advance(1, **amounts(result))
                    results.append(result)
        if isinstance(failed, CptkitError):
            raise failed
        if failed is not None:
            raise RuntimeError(f"{title}: {type(failed).__name__}: {failed}") from failed
        return results


def _commit(plan: Plan) -> dict[str, Any]:
    """Turn finished stages into sets. The folder is unreadable meanwhile; the record of the run is renamed into place last."""
    remove_recorded(plan.out, "work/run.json")
    drop_derived(plan.out, f"make it again with `curate report`, `curate card` or `curate rehydrate` and --run {plan.out}")
    for name, kind in SIGNATURE_SETS.items():
        remove_set(plan.out / name, kind)
    sets = SETS | _signature_sets(plan.recipe)
    for name, kind in sets.items():
        open_for_writing(plan.out / name, kind)
    recipe, info = plan.recipe.model_dump(mode="json"), {"inputs": _lineage(plan), "signature": signature_key(plan.recipe.dedup.minhash, plan.recipe.words)}
    for name, kind in sets.items():
        stage = plan.written if name in ("documents", "held_out", "verdicts") else plan.measured
        files = stage.link_into(plan.out / name, range(len(plan.tasks)), name)
        adopt(plan.out, [f"{name}/{file.name}" for file in files])
        commit_manifest(plan.out / name, Manifest(kind, tuple(files), recipe, recipe_hash(plan.recipe), (), info))
    tasks = range(len(plan.tasks))
    infos, partials = [plan.measured.info(task) for task in tasks], (plan.written.info(task)["summary"] for task in tasks)
    report = build_report(plan.recipe, plan.rule_sets, infos, partials, plan.compared.info(0)["notes"])
    write_owned(plan.out / "report.json", sealed(report))
    record = {"key": plan.key, "measured": plan.measured.folder.name, "n_tasks": len(plan.tasks)}
    claim(plan.out, ["work/run.json"])
    write_atomically(plan.out / "work" / "run.json", sealed(record))
    remove_stages(plan.out / "work", STAGES, keep=[plan.measured.folder])
    remove_launches(plan.out / "work" / "launch")
    return report


def _signature_sets(recipe: CurateRecipe) -> dict[str, str]:
    minhash = recipe.dedup.minhash
    return {name: kind for name, kind in SIGNATURE_SETS.items() if minhash and (name == "bands" or minhash.signatures)}


def _lineage(plan: Plan) -> list[dict[str, Any]]:
    """By source: files, bytes, licence, and one checksum over the names and contents of its files."""
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
    """The report of an earlier run of the same recipe on the same inputs, if all its files are there and intact."""
    try:
        record = read_run_record(plan.out)
        report = read_report(plan.out)
    except FileNotFoundError:
        return None
    except CurateError as error:
        logging.warning("%s", error)
        return None
    if record.key != plan.key or report["recipe_hash"] != recipe_hash(plan.recipe):
        return None
    damaged = [name for name, kind in (SETS | _signature_sets(plan.recipe)).items() if not is_whole(plan.out / name, kind)]
    if damaged:
        logging.warning("%s: files of %s are missing or changed; repeating what is needed", plan.out, ", ".join(damaged))
    return None if damaged else report
