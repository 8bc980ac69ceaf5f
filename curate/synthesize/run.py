"""`curate synthesize`: one task per shard of the inputs requests answers and writes documents; then the sets are committed.

OUT/documents/      the documents made; `curate run` and `tokenize run` read them
OUT/rejected/       candidates and completions that gates and parsers rejected, as documents
OUT/verdicts/       the reasons, and the requests without an answer
OUT/synthesis.json  counts
OUT/journal/        every answer, kept forever; a run with another parser, gate or output makes no new request
OUT/work/           stages
"""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from curate.engines.engine import make_engine, start_loading
from curate.engines.launch import remove_launches
from curate.errors import CurateError
from curate.synthesize.answer import Asking
from curate.synthesize.folder import REPORT, SETS, Synthesis, SynthesisInput, read_synthesis
from curate.synthesize.gates.judge import JudgeGateRecipe
from curate.synthesize.generators import generator_model
from curate.synthesize.generators.limits import start_budget
from curate.synthesize.generators.openai import api_key
from curate.synthesize.generators.recipe import AnyGenerator, OpenAIRecipe
from curate.synthesize.inputs import Shard, cut_shards, open_inputs, parents
from curate.synthesize.journal import journals, read_journal
from curate.synthesize.judges import JUDGES_FOLDER, judge_budget
from curate.synthesize.recipe import SynthesizeRecipe, prepare_task
from curate.synthesize.shard_task import ShardJob, shard_task
from curate.synthesize.status import Board, remove_board
from curate.synthesize.task import TaskRecipe, gate_files
from shards.atomic import file_checksum, write_atomically
from shards.console import progress
from shards.errors import CptkitError
from shards.folder import claim, output_folder, remove_recorded, write_owned
from shards.manifest import Manifest, commit_manifest, is_whole
from shards.names import Checksum
from shards.read import ShardSet
from shards.record import canonical_json, json_hash, read_record, sealed
from shards.stages import Stage, remove_stages
from shards.write import open_for_writing, refuse_other_kind

SYNTHESIS_VERSION = 1


@dataclass(frozen=True)
class _JournalSource:
    """The shard of the inputs that a journal was started for, and the checksum of its content."""

    label: str
    content: Checksum


def _journal_source(record: Path) -> _JournalSource | None:
    try:
        return read_record(record, _JournalSource, error=CurateError, remedy="delete it, if the input has not changed since")
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class SynthesisPlan:
    """A run before it starts: recipe, inputs and keys, all checked."""

    recipe: SynthesizeRecipe
    task: TaskRecipe
    model: str
    out: Path
    sets: tuple[ShardSet, ...]
    shards: tuple[Shard, ...]
    stage: Stage
    key: str

    def journal(self, shard: Shard) -> Path:
        """The file that holds a shard's answers."""
        return self.out / "journal" / f"{shard.journal_name}.jsonl"


def make_plan(recipe: SynthesizeRecipe, out: Path) -> SynthesisPlan:
    """Open inputs and task. Raises CurateError, ShardError, RecipeError if one of them cannot be used."""
    task = prepare_task(recipe)
    _refuse_key(recipe, task)
    sets = open_inputs(recipe.inputs)
    shards = cut_shards(sets, recipe.limit)
    model = generator_model(recipe.generator)
    content = [(shard.label, shard.content, shard.start, shard.stop, shard.n_rows) for shard in shards]
    judges = [generator_model(judge) for judge in _judges(task)]
    files = [*judges, *(file_checksum(path) for gate in task.gates for path in gate_files(gate))]
    key = json_hash([SYNTHESIS_VERSION, recipe.model_dump(mode="json"), task.model_dump(mode="json"), model, recipe.allow_missing, content, files])
    return SynthesisPlan(recipe, task, model, out, tuple(sets), tuple(shards), Stage(out / "work" / f"write-{key[:16]}"), key)


def run(recipe: SynthesizeRecipe, out: Path, workers: int, *, accept_changes: bool = False) -> tuple[Synthesis, bool]:
    """Run a recipe into `out`. Returns the record, and whether it was finished before this call.

    Raises CurateError if the run cannot go on; the answers received so far are kept.
    """
    plan = make_plan(recipe, out)
    finished = _finished_report(plan)
    if finished is not None:
        return finished, True
    start_loading(recipe.engine, workers)
    with output_folder(out, (REPORT, *(str(path.relative_to(out)) for path in _budgets(plan)))):
        for name, kind in SETS.items():
            refuse_other_kind(out / name, kind)
        missing = [shard for shard in plan.shards if not plan.stage.is_done(shard.number)]
        other_journals = _check_sources(plan, missing, accept_changes)
        _start_budget(plan)
        _run_shards(plan, missing, other_journals, workers)
        report = _commit(plan)
    return report, False


def _run_shards(plan: SynthesisPlan, missing: Sequence[Shard], other_journals: dict[str, tuple[str, ...]], workers: int) -> None:
    recipe, work = plan.recipe, plan.out / "work"
    n_concurrent = workers if recipe.engine.kind == "local" else recipe.engine.jobs if recipe.engine.concurrent < 0 else recipe.engine.concurrent
    share = 1 / max(1, min(n_concurrent, len(missing)))
    jobs = {}
    for shard in missing:
        asking = Asking(recipe, plan.task, plan.model, shard, str(work / "budget"), share)
        status = work / "status" / f"{shard.number:05d}.json"
        jobs[shard.number] = ShardJob(str(plan.stage.folder), asking, str(plan.journal(shard)), other_journals.get(shard.journal_name, ()), str(status))
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


def _check_sources(plan: SynthesisPlan, missing: Sequence[Shard], accept_changes: bool) -> dict[str, tuple[str, ...]]:
    """Compare each shard with the content that its journal was started for. Returns, for each changed shard, the other journals to read, by journal name.

    Raises CurateError for a change that was not accepted.
    """
    if plan.task.miner is not None:
        return {}
    other_journals: dict[str, tuple[str, ...]] = {}
    for shard in missing:
        journal = plan.journal(shard)
        record = journal.with_suffix(".source.json")
        source = _journal_source(record)
        if source is not None and source.content != shard.content:
            if not accept_changes:
                raise CurateError(
                    f"{shard.path}: changed since {journal} was started (checksum {source.content[:8]}…, now {shard.content[:8]}…); nothing is lost: restore "
                    "the file, or rerun with --accept-changes to keep the answers for documents that are still there and request only the others"
                )
            other_journals[shard.journal_name] = tuple(str(path) for path in journals(journal.parent) if path != journal)
        write_atomically(record, sealed({"label": shard.label, "content": shard.content}))
    return other_journals


def _start_budget(plan: SynthesisPlan) -> None:
    # Judges share a journal, so the cap of each judge counts the answers to all judges.
    generators = [(plan.recipe.generator, plan.out / "journal"), *((judge, plan.out / "journal" / JUDGES_FOLDER) for judge in _judges(plan.task))]
    for path, (generator, folder) in zip(_budgets(plan), generators, strict=True):
        if isinstance(generator, OpenAIRecipe) and generator.max_spend is not None:
            claim(plan.out, [str(path.relative_to(plan.out))])
            start_budget(path, generator.prices, (answer for journal in journals(folder) for answer in read_journal(journal)))


def _budgets(plan: SynthesisPlan) -> list[Path]:
    """The files that count the spending of the generator and of each judge."""
    budget = plan.out / "work" / "budget"
    return [budget, *(Path(judge_budget(str(budget), number)) for number in range(len(_judges(plan.task))))]


def _refuse_key(recipe: SynthesizeRecipe, task: TaskRecipe) -> None:
    """Raise CurateError if the recipe or the task holds an API key, since both are written to manifests."""
    generators = (recipe.generator, *_judges(task))
    text = canonical_json([recipe.model_dump(mode="json"), task.model_dump(mode="json"), recipe.inputs, *(generator.model_dump() for generator in generators)])
    for generator in generators:
        if isinstance(generator, OpenAIRecipe) and (key := api_key(generator)) and key in text:
            raise CurateError(f"the key in {generator.api_key_env} is written in the recipe or the task; remove it, the environment is enough")


def _judges(task: TaskRecipe) -> list[AnyGenerator]:
    """The generators of the task's judges."""
    return [gate.generator for gate in task.gates if isinstance(gate, JudgeGateRecipe)]


def _commit(plan: SynthesisPlan) -> Synthesis:
    """Turn the stage into sets. The rename of the report comes last."""
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
    write_owned(plan.out / REPORT, sealed(report.model_dump()))
    remove_stages(plan.out / "work", r"write-[0-9a-f]{16}", keep=[plan.stage.folder])
    remove_launches(plan.out / "work" / "launch")
    remove_board(plan.out / "work" / "status")
    return report


def _report(plan: SynthesisPlan) -> Synthesis:
    counts: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    for shard in plan.shards:
        info = plan.stage.info(shard.number)
        counts.update(info["counts"])
        rules.update(info["rules"])
    return Synthesis(
        name=plan.recipe.name or plan.task.name,
        key=plan.key,
        task=plan.task.name,
        model=plan.model,
        inputs=[
            SynthesisInput(label=parent.label, path=str(documents.folder.resolve())) for parent, documents in zip(parents(plan.sets), plan.sets, strict=True)
        ],
        counts=dict(sorted(counts.items())),
        verdicts=dict(sorted(rules.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def _finished_report(plan: SynthesisPlan) -> Synthesis | None:
    try:
        report = read_synthesis(plan.out)
    except FileNotFoundError:
        return None
    except CurateError as error:
        logging.warning("%s", error)
        return None
    if report.key != plan.key:
        return None
    damaged = [name for name, kind in SETS.items() if not is_whole(plan.out / name, kind)]
    if damaged:
        logging.warning("%s: files of %s are missing or changed; rewriting them from the answers in the journal", plan.out, ", ".join(damaged))
    return None if damaged else report
