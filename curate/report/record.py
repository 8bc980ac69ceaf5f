"""What `report.json`, `timings.json` and the documents' manifest of a run may hold, as far as the page, the card and other questions read it by name.

They are checked when they are read, so that one that was edited, or that another program wrote, is refused by name instead of failing
somewhere in a page. Keys that are not named here pass as they are.
"""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shards.names import Checksum, Count

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Facts(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class _Counts(_Facts):
    """Documents."""

    read: Count
    kept: Count
    held_out: Count
    dropped: Count
    unreadable: Count


class _Bytes(_Facts):
    read: Count
    kept: Count
    held_out: Count
    dropped: Count


class _Records(_Facts):
    seen: Count
    documents: Count
    unreadable: Count
    passed_over: dict[str, Count]


class _Funnel(_Facts):
    stage: str
    rule: str
    documents: Count
    bytes: Count | None
    remaining: Count


class _Fired(_Facts):
    stage: str
    rule: str
    documents: Count
    only: Count


class _Histogram(_Facts):
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


class _Example(_Facts):
    doc_id: str | None
    file: str
    row: int
    text: str
    value: float | None = None
    threshold: float | None = None


class _Source(_Facts):
    read: Count
    kept: Count
    bytes_kept: Count


class _Synthetic(_Facts):
    documents: Count
    bytes: Count
    share: Share


class _Duplicates(_Facts):
    exact: Count
    minhash: Count
    largest_cluster: Count


class _Fault(_Facts):
    file: str
    problem: str


class _Warning(_Facts):
    kind: str
    text: str
    rule: str


class ReportRecord(_Facts):
    """`report.json`."""

    name: str
    recipe_hash: Checksum
    counts: _Counts
    records: _Records
    bytes: _Bytes
    changed: dict[str, Count]
    funnel: list[_Funnel]
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
    def _tells_how_often_each_rule_fired(self) -> Self:
        fired = {row.rule for row in self.rules}
        for row in self.funnel:
            if row.rule not in fired:
                raise ValueError(f"rules: {row.rule} of the funnel is missing")
        return self


class _Timed(_Facts):
    stage: str
    tasks: Count
    seconds: Seconds


class TimingsRecord(_Facts):
    """`timings.json`."""

    stages: list[_Timed]
    steps: dict[str, Seconds]


class _Input(_Facts):
    source: str
    license: str
    files: Count
    checksum: str


class DocumentsInfo(_Facts):
    """`info` of the manifest of a run's documents."""

    inputs: list[_Input]


class _Given(_Facts):
    path: str


class _Dedup(_Facts):
    before_rules: bool


class DocumentsRecipe(_Facts):
    """`recipe` of that manifest, as far as it is read by name; what decides again reads it as a recipe."""

    inputs: list[_Given]
    rewrite: dict[str, Any]
    dedup: _Dedup
