"""Judges: models that are asked about candidates, with journals and request keys like those of the document generator.

The judge's task reads the candidate as a document, so its requests work like all others.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from curate.synthesize.answer import Asking, ask, unanswered_requests
from curate.synthesize.candidates import Find, PassageItems, candidates_of, results_of
from curate.synthesize.gates.judge import JudgeGateRecipe
from curate.synthesize.generators import generator_model
from curate.synthesize.generators.base import Request, Unanswered
from curate.synthesize.inputs import read_documents
from curate.synthesize.journal import Journal
from curate.synthesize.status import Status
from curate.synthesize.task import judge_task
from curate.synthesize.types import Candidate, Rejection, SourceDocument, text_id

JUDGES_FOLDER = "judges"
"""Subfolder of `journal` with the judges' journals."""


@dataclass(frozen=True)
class Judge:
    """A judge gate with what its task needs for requests."""

    gate: JudgeGateRecipe
    asking: Asking

    def verdict(self, candidate: Candidate, find: Find) -> Rejection | None:
        """None lets the candidate pass. A candidate without an answer is rejected."""
        results = list(results_of(self.asking.task, self.asking.model, _document(candidate), find))
        return self.gate.decide([result.items[0] for result in results if isinstance(result, PassageItems)], len(results))

    def requests(self, candidates: Iterable[Candidate], journal: Journal) -> Iterator[Request]:
        """Requests about the candidates that the journal has no answer to, each once."""
        return unanswered_requests(self.asking, map(_document, candidates), journal)


def judges_of(asking: Asking) -> list[Judge]:
    """The judges of a shard's task, in the order of its gates."""
    judges = []
    for number, gate in enumerate(gate for gate in asking.task.gates if isinstance(gate, JudgeGateRecipe)):
        recipe = asking.recipe.model_copy(update={"generator": gate.generator})
        model, budget = generator_model(gate.generator), judge_budget(asking.budget, number)
        judges.append(Judge(gate, replace(asking, recipe=recipe, task=judge_task(gate), model=model, budget=budget)))
    return judges


def judge_budget(budget: str, number: int) -> str:
    """The file that counts a judge's spending."""
    return f"{budget}-judge-{number}"


def judge_journal(journal: Path) -> Path:
    """The journal of a shard's judges."""
    return journal.parent / JUDGES_FOLDER / journal.name


def ask_judges(asking: Asking, find: Find, journal: Journal, status: Status) -> list[Unanswered]:
    """Ask each judge about the candidates that all gates and the earlier judges let pass. Returns the requests without an answer after all retries."""
    unanswered: list[Unanswered] = []
    judges = judges_of(asking)
    for number, judge in enumerate(judges):
        passed = _passed(asking, find, judges[:number], journal)
        unanswered += ask(judge.asking, judge.requests(passed, journal), journal, status)
    return unanswered


def rejections(asking: Asking, judges: Sequence[Judge], candidates: Sequence[Candidate], find_judgement: Find) -> list[list[Rejection]]:
    """For each candidate of one document the rejections by all gates or, if no gate rejects it, the rejection by the first judge that does."""
    by_gate = [gate.judge(candidates) for gate in asking.task.gates] if candidates else []
    by_candidate = [[rejection for column in by_gate if (rejection := column[index]) is not None] for index in range(len(candidates))]
    for candidate, reasons in zip(candidates, by_candidate, strict=True):
        for judge in judges:
            rejection = None if reasons else judge.verdict(candidate, find_judgement)
            if rejection is not None:
                reasons.append(rejection)
    return by_candidate


def _passed(asking: Asking, find: Find, judges: Sequence[Judge], journal: Journal) -> Iterator[Candidate]:
    for document in read_documents(asking.shard):
        parts = [result for result in results_of(asking.task, asking.model, document, find) if isinstance(result, PassageItems)]
        candidates = candidates_of(asking.task, document, parts)
        for candidate, reasons in zip(candidates, rejections(asking, judges, candidates, journal.get), strict=True):
            if not reasons:
                yield candidate


def _document(candidate: Candidate) -> SourceDocument:
    metadata = {**candidate.document.metadata, "passages": list(candidate.passages), "found": [dict(item) for item in candidate.items]}
    return replace(candidate.document, id=text_id(candidate.text).hex(), text=candidate.text, language=candidate.language, metadata=metadata)
