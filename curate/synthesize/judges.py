"""Judges: models that are asked about candidates, with journals and keys as the generators of documents have them.

A candidate becomes a document of its own, and the judge's task asks about that; so everything that holds for requests holds here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from curate.synthesize.answer import Asking, ask
from curate.synthesize.candidates import Find, Part, candidates_of, parts_of
from curate.synthesize.gates.judge import JudgeGate
from curate.synthesize.generators.base import Request, Unanswered
from curate.synthesize.generators.make import generator_model
from curate.synthesize.inputs import read_documents
from curate.synthesize.journal import Journal
from curate.synthesize.requests import requests_of
from curate.synthesize.status import Status
from curate.synthesize.tables import text_id
from curate.synthesize.types import Candidate, Rejection, SourceDocument

FOLDER = "judges"
"""Of their journals, in the folder of the others."""


@dataclass(frozen=True)
class Judge:
    """A gate with its task."""

    gate: JudgeGate
    asking: Asking

    def verdict(self, candidate: Candidate, find: Find) -> Rejection | None:
        """None lets it pass. A candidate that the judge said nothing on is refused."""
        found = list(parts_of(self.asking.task, self.asking.model, _document(candidate), find))
        return self.gate.decide([one.items[0] for one in found if isinstance(one, Part)], len(found))

    def requests(self, candidates: Iterable[Candidate], journal: Journal) -> Iterator[Request]:
        """Those that the journal has no answer to."""
        asked: set[str] = set()
        for candidate in candidates:
            for one in requests_of(self.asking.task, self.asking.model, _document(candidate)):
                if one.request.key not in journal and one.request.key not in asked:
                    asked.add(one.request.key)
                    yield one.request


def judges_of(asking: Asking) -> list[Judge]:
    """The judges of a shard's task, in the order of its gates."""
    found = []
    for number, gate in enumerate(gate for gate in asking.task.gates if isinstance(gate, JudgeGate)):
        recipe = asking.recipe.model_copy(update={"generator": gate.generator})
        model, budget = generator_model(gate.generator), judge_budget(asking.budget, number)
        found.append(Judge(gate, replace(asking, recipe=recipe, task=gate.prepared(), model=model, budget=budget)))
    return found


def judge_budget(budget: str, number: int) -> str:
    """The file of a judge's spending."""
    return f"{budget}-judge-{number}"


def judge_journal(journal: Path) -> Path:
    """The journal of a shard's judges, beside its own."""
    return journal.parent / FOLDER / journal.name


def ask_judges(asking: Asking, find: Find, journal: Journal, status: Status) -> list[Unanswered]:
    """Ask each judge about the candidates that all gates and the judges before let pass. Returns what has no answer after all retries."""
    unanswered: list[Unanswered] = []
    judges = judges_of(asking)
    for number, judge in enumerate(judges):
        passed = _passed(asking, find, judges[:number], journal)
        unanswered += ask(judge.asking, judge.requests(passed, journal), journal, status)
    return unanswered


def rejections(asking: Asking, judges: Sequence[Judge], candidates: Sequence[Candidate], said: Find) -> list[list[Rejection]]:
    """For each candidate of one document what every gate has against it; or, where none has anything, the first judge."""
    told = [gate.judge(candidates) for gate in asking.task.gates] if candidates else []
    found = [[one for column in told if (one := column[index]) is not None] for index in range(len(candidates))]
    for candidate, told_by in zip(candidates, found, strict=True):
        for judge in judges:
            refusal = None if told_by else judge.verdict(candidate, said)
            if refusal is not None:
                told_by.append(refusal)
    return found


def _passed(asking: Asking, find: Find, judges: Sequence[Judge], journal: Journal) -> Iterator[Candidate]:
    for document in read_documents(asking.shard):
        parts = [one for one in parts_of(asking.task, asking.model, document, find) if isinstance(one, Part)]
        candidates = candidates_of(asking.task, document, parts)
        for candidate, told in zip(candidates, rejections(asking, judges, candidates, journal.get), strict=True):
            if not told:
                yield candidate


def _document(candidate: Candidate) -> SourceDocument:
    metadata = {**candidate.document.metadata, "passages": list(candidate.passages), "found": [dict(item) for item in candidate.items]}
    return replace(candidate.document, id=text_id(candidate.text).hex(), text=candidate.text, language=candidate.language, metadata=metadata)
