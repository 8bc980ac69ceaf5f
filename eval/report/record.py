"""What the files behind a report may hold, as far as the report reads it by name.

They are checked when they are read, so that one that was edited, or that another program wrote, is refused by name instead of failing
somewhere in a page. Keys that are not named here pass as they are.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shards.names import Count

Number = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]
Role = Literal["gain", "retain"]
_MOST = 1e300
"""Sums and logarithms of larger numbers end in infinity, which no plot can show."""


class _Facts(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class _Settings(_Facts):
    tolerance: Amount


class _Model(_Facts):
    checksum: str


class _Domain(_Facts):
    role: Role
    documents: Count
    bytes: Count
    manifest_hash: str
    train_sets_checked: Count = 0


class _Interval(_Facts):
    """Ends that have no bound, as of one document, are null."""

    low: Number | None
    high: Number | None
    minimum_detectable: Amount | None

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if (self.low is None) != (self.high is None) or (self.low is not None and self.high is not None and self.low > self.high):
            raise ValueError(f"an interval from {self.low} to {self.high}")
        return self


class _Score(_Interval):
    model: str
    domain: str
    bits_per_byte: Positive
    documents: Count
    bytes: Count


class _Difference(_Interval):
    model: str
    against: str
    domain: str
    role: Role
    delta: Number
    verdict: Literal["better", "worse", "undetectable"]
    retained: Literal["within", "beyond", "undecided"] | None = None

    @model_validator(mode="after")
    def _says_whether_it_was_retained(self) -> Self:
        if (self.role == "retain") != (self.retained is not None):
            raise ValueError(f"{self.domain}: role {self.role}, retained {self.retained}")
        if self.verdict != "undetectable" and self.low is None:
            raise ValueError(f"{self.domain}: {self.verdict} without an interval")
        return self


class SummaryRecord(_Facts):
    """`summary.json` of an evaluation."""

    recipe: _Settings
    recipe_hash: str = ""
    baseline: str
    policy: str = ""
    versions: dict[str, Any] = {}
    models: dict[str, _Model]
    domains: dict[str, _Domain]
    scores: list[_Score]
    differences: list[_Difference]

    @model_validator(mode="after")
    def _has_every_score_once(self) -> Self:
        scored = [(score.model, score.domain) for score in self.scores]
        if sorted(scored) != sorted((model, domain) for model in self.models for domain in self.domains):
            raise ValueError("scores: not one of each model on each domain")
        if self.baseline not in self.models:
            raise ValueError(f"baseline: {self.baseline} is none of the models")
        compared = [(row.model, row.against, row.domain) for row in self.differences]
        if len(set(compared)) < len(compared) or not {(row.model, row.domain) for row in self.differences} <= set(scored):
            raise ValueError("differences: of what was not scored, or twice")
        if not {(row.against, row.domain) for row in self.differences} <= set(scored):
            raise ValueError("differences: against what was not scored")
        for row in self.differences:
            if row.role != self.domains[row.domain].role:
                raise ValueError(f"differences: role {row.role} of {row.domain}, which is to {self.domains[row.domain].role}")
        return self


class _Counts(_Facts):
    """Documents, or bytes of their text."""

    read: Count
    kept: Count
    held_out: Count
    dropped: Count


class _Documents(_Counts):
    unreadable: Count = 0


class _Removed(_Facts):
    stage: str
    rule: str
    documents: Count
    bytes: Count | None
    remaining: Count


class _Example(_Facts):
    file: str
    row: int | None = None
    text: str
    value: Number | None = None
    threshold: Number | None = None


class _Source(_Facts):
    read: Count
    kept: Count


class _Duplicates(_Facts):
    exact: Count
    minhash: Count
    largest_cluster: Count


class _Fault(_Facts):
    file: str
    problem: str


class CorpusRecord(_Facts):
    """`report.json` of a curation run."""

    recipe_hash: str = ""
    counts: _Documents
    bytes: _Counts
    funnel: list[_Removed]
    examples: dict[str, list[_Example]] = {}
    kept_examples: list[_Example] = []
    languages: dict[str, Count] = {}
    sources: dict[str, _Source] = {}
    duplicates: _Duplicates | None = None
    faults: list[_Fault] = []


class _Stage(_Facts):
    name: str
    rows: Count
    tokens: Count
    asked: dict[str, Share]
    got: dict[str, Share]


class _MixSource(_Facts):
    name: str
    available_tokens: Count
    tokens: Count
    epochs: Amount
    repeats: Count
    padding: Share
    split_documents: Count
    asked: Share
    got: Share


class PreviewRecord(_Facts):
    """`preview.json` of a mix."""

    tokens: Count
    rows: Count
    stages: list[_Stage]
    sources: Annotated[list[_MixSource], Field(min_length=1)]


class TrainRunRecord(_Facts):
    """`run.json` of a training run."""

    recipe_hash: str = ""
    plan_hash: str = ""
    versions: dict[str, Any] = {}


class StepRecord(_Facts):
    """A line of `metrics.jsonl`. A loss that is not finite stands there as it came."""

    step: Count
    tokens: Count
    loss: float
    lr: Amount
    loss_by_source: dict[str, float]
    tokens_by_source: dict[str, Count]
    bits_per_byte: dict[str, Number] = {}
    tokens_per_second: Amount | None = None

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        values = [self.lr, *self.loss_by_source.values(), *self.bits_per_byte.values()]
        if any(math.isfinite(value) and abs(value) > _MOST for value in values):
            raise ValueError(f"a figure above {_MOST:g}")
        return self
