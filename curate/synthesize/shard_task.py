"""One shard from its documents to its committed tables; what engines run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from curate.synthesize.answer import Asking, ask_missing
from curate.synthesize.candidates import Find
from curate.synthesize.generators.base import Unanswered
from curate.synthesize.inputs import read_documents
from curate.synthesize.journal import Journal, read_journal
from curate.synthesize.judges import ask_judges, judge_journal, judges_of
from curate.synthesize.labels import write_labels
from curate.synthesize.requests import requests_of
from curate.synthesize.status import Status
from curate.synthesize.tables import TABLES
from curate.synthesize.write import ShardOutput, write_documents
from shards.stages import Stage


@dataclass(frozen=True)
class ShardJob:
    """All that one shard's task needs."""

    stage: str
    asking: Asking
    journal: str
    beside: tuple[str, ...]
    """Further journals that may hold its answers: documents moved when the inputs changed."""
    status: str


def shard_task(job: ShardJob) -> dict[str, Any]:
    """Ask, then write and commit. Returns the counts. Raises CurateError if answers are missing and the recipe wants all of them."""
    status = Status(Path(job.status))
    try:
        if job.asking.task.miner is not None:
            return _judge_and_write(job, lambda _: None, status)
        with Journal(Path(job.journal)) as journal:
            _recall(job, journal)
            _refuse_missing(job, ask_missing(job.asking, journal, status))
            return _judge_and_write(job, journal.get, status)
    finally:
        status.write()


def _recall(job: ShardJob, journal: Journal) -> None:
    """Take over answers from other journals."""
    if not job.beside:
        return
    asking = job.asking
    wanted = {one.request.key for document in read_documents(asking.shard) for one in requests_of(asking.task, asking.model, document)}
    for path in job.beside:
        for answer in read_journal(Path(path)):
            if answer.key in wanted:
                journal.append(answer)


def _judge_and_write(job: ShardJob, find: Find, status: Status) -> dict[str, Any]:
    if not judges_of(job.asking):
        return _write(job, find, lambda _: None)
    with Journal(judge_journal(Path(job.journal))) as journal:
        _refuse_missing(job, ask_judges(job.asking, find, journal, status))
        return _write(job, find, journal.get)


def _refuse_missing(job: ShardJob, unanswered: list[Unanswered]) -> None:
    if unanswered and not job.asking.recipe.allow_missing:
        raise CurateError(_missing(job, unanswered))


def _write(job: ShardJob, find: Find, said: Find) -> dict[str, Any]:
    stage, number = Stage(Path(job.stage)), job.asking.shard.number
    if job.asking.task.output.columns:
        return write_labels(stage, job.asking, find)
    with stage.open_task(number, TABLES) as writer:
        output = ShardOutput(writer)
        write_documents(job.asking, find, said, output)
        told = {"counts": dict(output.counts), "rules": dict(sorted(output.rules.items()))}
        writer.commit(told)
    return told


def _missing(job: ShardJob, unanswered: list[Unanswered]) -> str:
    reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(_by_reason(unanswered).items()))
    first = unanswered[0]
    return (
        f"{job.asking.shard.label}: {len(unanswered)} requests have no answer after all retries ({reasons}; e.g. row {first.row}: {first.detail}); "
        "run again to ask for these alone, or with --set allow_missing=true to finish without"
    )


def _by_reason(unanswered: list[Unanswered]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in unanswered:
        counts[one.reason] = counts.get(one.reason, 0) + 1
    return counts
