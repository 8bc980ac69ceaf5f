"""`curate synthesize`: shards of the inputs, each asked and written by a task of its own, then the sets.

OUT/documents/      what was made (kind documents); `curate run` and `tokenize run` take it
OUT/rejected/       what gates and parsers refused, as text
OUT/verdicts/       why, and what has no answer
OUT/synthesis.json  figures
OUT/journal/        every answer, for ever; a run with another parser, gate or output asks for nothing again
OUT/work/           stages
"""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from curate.engines.engine import make_engine, start_loading
from curate.engines.launch import remove_launches
from curate.errors import CurateError
from curate.synthesize.answer import Asking
from curate.synthesize.gates.judge import JudgeGate
from curate.synthesize.generators.limits import start_budget
from curate.synthesize.generators.make import generator_model
from curate.synthesize.generators.openai import api_key
from curate.synthesize.generators.recipe import AnyGenerator, OpenAIRecipe
from curate.synthesize.inputs import Shard, cut_shards, open_inputs, parents
from curate.synthesize.journal import journals, read_journal
from curate.synthesize.judges import FOLDER, judge_budget
from curate.synthesize.recipe import SynthesizeRecipe, prepare_task
from curate.synthesize.shard_task import ShardJob, shard_task
from curate.synthesize.status import Board, remove_board
from curate.synthesize.task import TaskRecipe
from shards.atomic import file_checksum, write_atomically
from shards.console import progress
from shards.errors import CptkitError
from shards.folder import claim, output_folder, remove_recorded, write_owned
from shards.manifest import Manifest, commit_manifest, is_whole
from shards.names import Checksum, Count
from shards.read import ShardSet
from shards.record import canonical_json, json_hash, read_record, sealed
from shards.stages import Stage, remove_stages
from shards.write import open_for_writing, refuse_other_kind

SYNTHESIS_VERSION = 1
SETS = {"documents": "documents", "rejected": "documents", "verdicts": "verdicts"}
REPORT = "synthesis.json"


@dataclass(frozen=True)
class _Begun:
    """What a journal began with: a shard of the inputs, and the checksum of its content."""

    label: str
    content: Checksum


class _Input(BaseModel):
    label: str
    path: str


class _Synthesis(BaseModel):
    """What `synthesis.json` may hold."""

    model_config = ConfigDict(extra="forbid")

    name: str
    key: Checksum
    task: str
    model: str
    inputs: list[_Input]
    counts: dict[str, Count | float]
    verdicts: dict[str, Count]


def read_synthesis(out: Path) -> dict[str, Any]:
    """`synthesis.json` of a finished synthesis. Raises FileNotFoundError if there is none, CurateError if it is damaged."""
    remedy = "rerun the same `curate synthesize`, it asks for nothing again"
    return read_record(Path(out) / REPORT, _Synthesis, error=CurateError, remedy=remedy).model_dump()


def _begun(record: Path) -> _Begun | None:
    try:
        return read_record(record, _Begun, error=CurateError, remedy="delete it, if the input has not changed since")
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Plan:
    """A run before it starts."""

    recipe: SynthesizeRecipe
    task: TaskRecipe
    model: str
    out: Path
    sets: tuple[ShardSet, ...]
    shards: tuple[Shard, ...]
    stage: Stage
    key: str

    def journal(self, shard: Shard) -> Path:
        """Where a shard's answers are kept."""
        return self.out / "journal" / f"{shard.journal_name}.jsonl"


@dataclass(frozen=True)
class Outcome:
    """Figures of a run, and whether all was done before."""

    report: dict[str, Any]
    was_done: bool


def make_plan(recipe: SynthesizeRecipe, out: Path) -> Plan:
    """Open inputs and task. Raises CurateError, ShardError, RecipeError for what cannot be used."""
    task = prepare_task(recipe)
    _refuse_key(recipe, task)
    sets = open_inputs(recipe.inputs)
    shards = cut_shards(sets, recipe.limit)
    model = generator_model(recipe.generator)
    content = [(shard.label, shard.content, shard.start, shard.stop, shard.n_rows) for shard in shards]
    judges = [generator_model(judge) for judge in _judging(task)]
    files = [*judges, *(file_checksum(path) for gate in task.gates for path in gate.files())]
    told = [SYNTHESIS_VERSION, recipe.model_dump(mode="json"), task.model_dump(mode="json"), model, recipe.allow_missing, content, files]
    key = json_hash(told)
    return Plan(recipe, task, model, out, tuple(sets), tuple(shards), Stage(out / "work" / f"write-{key[:16]}"), key)


def run(recipe: SynthesizeRecipe, out: Path, workers: int, *, accept_changes: bool = False) -> Outcome:
    """Run a recipe into `out`. Raises CurateError for what no shard can get past; answers so far are kept."""
    plan = make_plan(recipe, out)
    finished = _finished_report(plan)
    if finished is not None:
        return Outcome(finished, True)
    start_loading(recipe.engine, workers)
    with output_folder(out, (REPORT, *(str(path.relative_to(out)) for path in _budgets(plan)))):
        for name, kind in SETS.items():
            refuse_other_kind(out / name, kind)
        missing = [shard for shard in plan.shards if not plan.stage.is_done(shard.number)]
        beside = _check_sources(plan, missing, accept_changes)
        _start_budget(plan)
        _run_shards(plan, missing, beside, workers)
        report = _commit(plan)
    return Outcome(report, False)


def _run_shards(plan: Plan, missing: Sequence[Shard], beside: dict[str, tuple[str, ...]], workers: int) -> None:
    recipe, work = plan.recipe, plan.out / "work"
    abreast = workers if recipe.engine.kind == "local" else recipe.engine.jobs if recipe.engine.concurrent < 0 else recipe.engine.concurrent
    share = 1 / max(1, min(abreast, len(missing)))
    jobs = {}
    for shard in missing:
        asking = Asking(recipe, plan.task, plan.model, shard, str(work / "budget"), share)
        status = work / "status" / f"{shard.number:05d}.json"
        jobs[shard.number] = ShardJob(str(plan.stage.folder), asking, str(plan.journal(shard)), beside.get(shard.journal_name, ()), str(status))
    failed: list[Exception] = []
    if len(missing) < len(plan.shards):
        logging.info("%s of %s shards are done already", len(plan.shards) - len(missing), len(plan.shards))
    engine = make_engine(recipe.engine, workers, work / "launch")
    with progress("synthesizing", sum(shard.n_rows for shard in missing)) as meter, Board(work / "status", meter), closing(engine):
        failed += [result for _, result in engine.run(shard_task, jobs, plan.stage) if isinstance(result, Exception)]
    if failed and isinstance(failed[0], CptkitError):
        raise failed[0]
    if failed:
        raise RuntimeError(f"synthesizing: {type(failed[0]).__name__}: {failed[0]}") from failed[0]


def _check_sources(plan: Plan, missing: Sequence[Shard], accept_changes: bool) -> dict[str, tuple[str, ...]]:
    """Compare shards with what their journals began with. Returns further journals to look into, by journal, for shards that changed.

    Raises CurateError for a change that was not accepted.
    """
    if plan.task.miner is not None:
        return {}
    beside: dict[str, tuple[str, ...]] = {}
    for shard in missing:
        journal = plan.journal(shard)
        record = journal.with_suffix(".source.json")
        begun = _begun(record)
        if begun is not None and begun.content != shard.content:
            if not accept_changes:
                raise CurateError(
                    f"{shard.path}: changed since {journal} began (checksum {begun.content[:8]}…, now {shard.content[:8]}…); nothing is lost: restore it, "
                    "or run again with --accept-changes to keep the answers for documents that are still there and ask for the others"
                )
            beside[shard.journal_name] = tuple(str(path) for path in journals(journal.parent) if path != journal)
        write_atomically(record, sealed({"label": shard.label, "content": shard.content}))
    return beside


def _start_budget(plan: Plan) -> None:
    # Several judges share a journal, so each one's cap counts what all of them were answered.
    generators = [(plan.recipe.generator, plan.out / "journal"), *((judge, plan.out / "journal" / FOLDER) for judge in _judging(plan.task))]
    for path, (generator, folder) in zip(_budgets(plan), generators, strict=True):
        if isinstance(generator, OpenAIRecipe) and generator.max_spend is not None:
            claim(plan.out, [str(path.relative_to(plan.out))])
            start_budget(path, generator.prices, (answer for journal in journals(folder) for answer in read_journal(journal)))


def _budgets(plan: Plan) -> list[Path]:
    """Where the spending of the generator and of each judge is counted."""
    budget = plan.out / "work" / "budget"
    return [budget, *(Path(judge_budget(str(budget), number)) for number in range(len(_judging(plan.task))))]


def _refuse_key(recipe: SynthesizeRecipe, task: TaskRecipe) -> None:
    """Everything of recipe and task is written to manifests: no key may be in it."""
    generators = (recipe.generator, *_judging(task))
    told = canonical_json([recipe.model_dump(mode="json"), task.model_dump(mode="json"), recipe.inputs, *(one.model_dump() for one in generators)])
    for generator in generators:
        key = api_key(generator) if isinstance(generator, OpenAIRecipe) else ""
        if key and key in told:
            raise CurateError(f"the key in {generator.api_key_env} stands in the recipe or the task; take it out, the environment is enough")  # type: ignore[union-attr]


def _judging(task: TaskRecipe) -> list[AnyGenerator]:
    return [gate.generator for gate in task.gates if isinstance(gate, JudgeGate)]


def _commit(plan: Plan) -> dict[str, Any]:
    """Turn the stage into sets; the report is the last rename."""
    remove_recorded(plan.out, REPORT)
    for name, kind in SETS.items():
        open_for_writing(plan.out / name, kind)
    numbers = [shard.number for shard in plan.shards]
    recipe = plan.recipe.model_dump(mode="json") | {"task": plan.task.model_dump(mode="json")}
    for name, kind in SETS.items():
        files = plan.stage.link_into(plan.out / name, numbers, name)
        manifest = Manifest(kind, tuple(files), recipe, json_hash(recipe), parents(plan.sets), {"synthetic": {"task": plan.task.name, "model": plan.model}})
        commit_manifest(plan.out / name, manifest)
    report = _report(plan)
    write_owned(plan.out / REPORT, sealed(report))
    remove_stages(plan.out / "work", r"write-[0-9a-f]{16}", keep=[plan.stage.folder])
    remove_launches(plan.out / "work" / "launch")
    remove_board(plan.out / "work" / "status")
    return report


def _report(plan: Plan) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for shard in plan.shards:
        info = plan.stage.info(shard.number)
        counts.update(info["counts"])
        rules.update(info["rules"])
    return {
        "name": plan.recipe.name or plan.task.name,
        "key": plan.key,
        "task": plan.task.name,
        "model": plan.model,
        "inputs": [{"label": parent.label, "path": str(one.folder.resolve())} for parent, one in zip(parents(plan.sets), plan.sets, strict=True)],
        "counts": dict(sorted(counts.items())),
        "verdicts": dict(sorted(rules.items(), key=lambda pair: (-pair[1], pair[0]))),
    }


def _finished_report(plan: Plan) -> dict[str, Any] | None:
    try:
        report = read_synthesis(plan.out)
    except FileNotFoundError:
        return None
    except CurateError as error:
        logging.warning("%s", error)
        return None
    if report["key"] != plan.key:
        return None
    damaged = [name for name, kind in SETS.items() if not is_whole(plan.out / name, kind)]
    if damaged:
        logging.warning("%s: files of %s are missing or changed; writing them again from the answers in the journal", plan.out, ", ".join(damaged))
    return None if damaged else report
