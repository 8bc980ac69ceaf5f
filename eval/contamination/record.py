"""The section `contamination` of summary.json and tasks.json, with types and bounds."""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from curate.overlap.record import ExampleFacts, SetFacts
from eval.bounds import Bounds
from shards.names import Count
from shards.report_record import Facts, Number

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class CheckedAgainst(Facts):
    """A training set."""

    folder: str
    documents: Count


class CleanScore(Bounds):
    """A model's score on the items of a task, or documents of a domain, that stand in no training set."""

    model: str
    value: Number


class CleanDifference(Bounds):
    """`model` minus `against` on the same items or documents."""

    model: str
    against: str
    delta: Number
    standard_error: Amount | None
    minimum_detectable: Amount | None
    clusters: Count
    effective: Amount


class CleanTaskScore(CleanScore):
    """With its task and metric."""

    task: str
    metric: str
    items: Count


class CleanTaskDifference(CleanDifference):
    """With its task and metric."""

    task: str
    metric: str
    items: Count


class CleanDomainScore(CleanScore):
    """Bits per byte, with the domain."""

    domain: str
    documents: Count


class CleanDomainDifference(CleanDifference):
    """Bits per byte, with the domain."""

    domain: str
    documents: Count


class _Contamination(Facts):
    against: list[CheckedAgainst]
    note: str
    examples: list[ExampleFacts]


def _know(names: set[str], rows: Sequence[str]) -> None:
    unknown = sorted(set(rows) - names)
    if unknown:
        raise ValueError(f"a score of {unknown[0]}, whose items are not counted")


class TaskContamination(_Contamination):
    """What of tasks stands in training sets, and scores without it."""

    tasks: dict[str, SetFacts]
    scores: list[CleanTaskScore]
    differences: list[CleanTaskDifference]

    @model_validator(mode="after")
    def _counts_what_it_scores(self) -> Self:
        _know(set(self.tasks), [*(row.task for row in self.scores), *(row.task for row in self.differences)])
        return self


class DomainContamination(_Contamination):
    """What of held-out text stands in training sets, and scores without it. `left_out`: documents that were not scored at all, by domain."""

    domains: dict[str, SetFacts]
    left_out: dict[str, Count]
    scores: list[CleanDomainScore]
    differences: list[CleanDomainDifference]

    @model_validator(mode="after")
    def _counts_what_it_scores(self) -> Self:
        _know(set(self.domains), [*(row.domain for row in self.scores), *(row.domain for row in self.differences)])
        return self
