"""The task that engines run: one shard, from its documents to its committed tables."""

from collections import Counter
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
from curate.synthesize.requests import requests_of
from curate.synthesize.status import Status
from curate.synthesize.write import TABLES, ShardOutput, write_documents, write_labels
from shards.stages import Stage


@dataclass(frozen=True)
class ShardJob:
    """The arguments of `shard_task`."""

    stage: str
    asking: Asking
    journal: str
    other_journals: tuple[str, ...]
    """Further journals that may hold its answers, because documents moved when the inputs changed."""
    status: str


def shard_task(job: ShardJob) -> dict[str, Any]:
    """Request answers, then write and commit. Returns the counts. Raises CurateError if answers are missing and the recipe requires all."""
    status = Status(Path(job.status))
    try:
        if job.asking.task.miner is not None:
            return _judge_and_write(job, lambda _: None, status)
        with Journal(Path(job.journal)) as journal:
            _adopt_answers(job, journal)
            _refuse_missing(job, ask_missing(job.asking, journal, status))
            return _judge_and_write(job, journal.get, status)
    finally:
        status.write()


def _adopt_answers(job: ShardJob, journal: Journal) -> None:
    """Append this shard's answers from other journals."""
    if not job.other_journals:
        return
    asking = job.asking
    wanted = {asked.request.key for document in read_documents(asking.shard) for asked in requests_of(asking.task, asking.model, document)}
    for path in job.other_journals:
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


def _write(job: ShardJob, find: Find, find_judgement: Find) -> dict[str, Any]:
    stage, number = Stage(Path(job.stage)), job.asking.shard.number
    if job.asking.task.output.columns:
        return write_labels(stage, job.asking, find)
    with stage.open_task(number, TABLES) as writer:
        output = ShardOutput(writer)
        write_documents(job.asking, find, find_judgement, output)
        info = {"counts": dict(output.counts), "rules": dict(sorted(output.rules.items()))}
        writer.commit(info)
    return info


def _missing(job: ShardJob, unanswered: list[Unanswered]) -> str:
    reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(Counter(outcome.reason for outcome in unanswered).items()))
    first = unanswered[0]
    return (
        f"{job.asking.shard.label}: {len(unanswered)} requests have no answer after all retries ({reasons}; e.g. row {first.row}: {first.detail}); "
        "rerun to repeat only these requests, or add --set allow_missing=true to finish without them"
    )
