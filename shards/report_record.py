"""`report.json` of a curation run: the keys that other commands read by name, with their types and bounds.

`shards.record.check_values` applies it wherever a report is read, so an edited or foreign file is refused with the key at fault instead
of failing somewhere in a page. Other keys pass unchecked. docs/explanation/architecture.md describes all of them.
"""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shards.names import Checksum, Count

Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Facts(BaseModel):
    """Base of models that name only the keys they check: unknown keys pass."""

    model_config = ConfigDict(extra="allow", frozen=True)


class _Bytes(Facts):
    read: Count
    kept: Count
    held_out: Count
    dropped: Count


class _Documents(_Bytes):
    unreadable: Count


class _Records(Facts):
    seen: Count
    documents: Count
    unreadable: Count
    passed_over: dict[str, Count]


class _Removed(Facts):
    stage: str
    rule: str
    documents: Count
    bytes: Count | None
    remaining: Count


class _Fired(Facts):
    stage: str
    rule: str
    documents: Count
    only: Count


class _Histogram(Facts):
    rule: str
    drop_if: str
    threshold: Number
    edges: Annotated[list[Number], Field(min_length=2)]
    documents: list[Count]

    @model_validator(mode="after")
    def _has_a_count_for_each_bin(self) -> Self:
        if len(self.documents) != len(self.edges) - 1 or self.edges != sorted(self.edges):
            raise ValueError(f"{self.rule}: {len(self.documents)} counts for {len(self.edges)} edges in order")
        return self


class _Example(Facts):
    doc_id: str | None
    file: str
    row: int
    text: str
    value: float | None = None
    threshold: float | None = None


class _Source(Facts):
    read: Count
    kept: Count
    bytes_kept: Count


class _Synthetic(Facts):
    documents: Count
    bytes: Count
    share: Share


class _Duplicates(Facts):
    exact: Count
    minhash: Count
    semantic: Count
    largest_cluster: Count


class _Fault(Facts):
    file: str
    problem: str


class _Warning(Facts):
    kind: str
    text: str
    rule: str


class ReportRecord(Facts):
    """`report.json` of a curation run."""

    name: str
    recipe_hash: Checksum
    counts: _Documents
    records: _Records
    bytes: _Bytes
    changed: dict[str, Count]
    funnel: list[_Removed]
    rules: list[_Fired]
    histograms: list[_Histogram]
    examples: dict[str, list[_Example]]
    kept_examples: list[_Example]
    languages: dict[str, Count]
    kept_languages: dict[str, Count]
    sources: dict[str, _Source]
    synthetic: dict[str, _Synthetic]
    hosts: Count
    duplicates: _Duplicates
    removed: dict[str, dict[str, Any]]
    faults: list[_Fault]
    warnings: list[_Warning]

    @model_validator(mode="after")
    def _counts_every_rule_of_the_funnel(self) -> Self:
        fired = {row.rule for row in self.rules}
        for row in self.funnel:
            if row.rule not in fired:
                raise ValueError(f"rules: {row.rule} of the funnel is missing")
        return self
