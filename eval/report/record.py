"""The keys that the inputs of a report must hold, with their types and bounds; `report.json` is `shards.report_record`'s.

They are checked on reading, so an edited or foreign file is refused with the key at fault instead of failing somewhere in a page.
Other keys pass unchecked.
"""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from eval.bounds import Bounds
from eval.contamination.record import DomainContamination
from shards.names import Count
from shards.report_record import Facts, Number

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]
Role = Literal["gain", "retain"]
_MOST = 1e300
"""Sums and logarithms of larger numbers overflow to infinity, which no plot can show."""


class _Settings(Facts):
    tolerance: Amount


Verdict = Literal["better", "worse", "undetectable", "too few", "lossy"]
Retained = Literal["within", "beyond", "undecided", "too few", "lossy"]
Probability = Annotated[float, Field(ge=0, le=1)]


class _Model(Facts):
    checksum: str
    model_type: str | None = None
    tokenizer: str = ""
    context_limit: Count | None = None
    bos_every_window: bool = False


class _Domain(Facts):
    role: Role
    documents: Count
    bytes: Count
    manifest_hash: str
    clustered_by: str = ""
    clusters: Count = 0
    without_cluster: Count = 0
    cluster_note: str = ""
    train_sets_checked: Count = 0


class _Interval(Bounds):
    minimum_detectable: Amount | None


class _Score(_Interval):
    model: str
    domain: str
    bits_per_byte: Positive
    documents: Count
    bytes: Count
    tokens: Count | None = None
    clusters: Count = 0
    effective: Amount = 0
    context_bytes: Amount = 0
    first_token_nats: Amount = 0
    first_token_bits_per_byte: Amount = 0
    lost_bytes: Count = 0
    unk_bytes: Count = 0
    lossy: bool = False
    lost_example: str = ""


class _Compared(_Interval):
    """A difference with its verdict. `adjusted_p` is null where no verdict is given."""

    domain: str
    of: Literal["recipe", "checkpoint"] = "checkpoint"
    delta: Number
    p_value: Probability | None = None
    adjusted_p: Probability | None = None
    documents: Count = 0
    clusters: Count = 0
    effective: Amount = 0
    verdict: Verdict

    @model_validator(mode="after")
    def _has_an_interval(self) -> Self:
        if self.verdict in ("better", "worse") and self.low is None:
            raise ValueError(f"{self.domain}: {self.verdict} without an interval")
        return self


class _Document(Facts):
    doc_id: str
    text: str
    bytes: Count
    before: Amount
    after: Amount


class _Influential(_Document):
    delta_without: Number


class _Worsened(Facts):
    share: Share
    documents: Count
    low: Share
    high: Share


class _Difference(_Compared):
    model: str
    against: str
    role: Role
    seeds: Count = 1
    against_seeds: Count = 1
    retained: Retained | None = None
    below_seed_noise: bool | None = None
    worsened: _Worsened | None = None
    influential: _Influential | None = None

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if (self.role == "retain") != (self.retained is not None):
            raise ValueError(f"{self.domain}: role {self.role}, retained {self.retained}")
        return self


class _Extremes(Facts):
    model: str
    against: str
    domain: str
    worst: list[_Document]
    best: list[_Document]


class _Slice(_Compared):
    model: str
    against: str
    slice: str
    value: str
    bytes: Count


class _SeedNoise(Facts):
    domain: str
    deviation: Amount
    degrees: Positive
    stated: bool


class _ChainStep(Facts):
    model: str
    domain: str | None
    bits_per_byte: dict[str, Positive]


class _Transferred(_Compared):
    kind: Literal["backward", "forward"]
    model: str | None
    against: str | None


class _Transfer(Facts):
    steps: Annotated[list[_ChainStep], Field(min_length=3)]
    rows: list[_Transferred]


class _Position(_Interval):
    model: str
    first: Annotated[Count, Field(ge=1, alias="from")]
    to: Count
    nats_per_token: Amount
    beyond_limit: bool

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.first > self.to:
            raise ValueError(f"positions: from {self.first} to {self.to}")
        return self


class _Needle(Facts):
    model: str
    length: Annotated[Count, Field(ge=1)]
    depth: Annotated[float, Field(ge=0, le=1)]
    accuracy: Share
    low: Share
    high: Share
    chance: Share
    trials: Annotated[Count, Field(ge=1)]
    beyond_limit: bool


class _Judged(Facts):
    """A difference at one position; `adjusted_p` is null where no verdict is given."""

    adjusted_p: Share | None = None


class _LongContext(Facts):
    domain: str
    documents: Count
    positions: Annotated[list[_Position], Field(min_length=1)]
    needle: list[_Needle]
    differences: list[_Judged] = []

    @property
    def models(self) -> set[str]:
        """Names of the models measured."""
        return {row.model for row in self.positions} | {row.model for row in self.needle}

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for name, cells in (
            ("positions", [(row.model, row.to) for row in self.positions]),
            ("needle", [(row.model, row.length, row.depth) for row in self.needle]),
        ):
            if len(set(cells)) < len(cells):
                raise ValueError(f"{name}: a row appears twice")
            parts: list[set[Any]] = [set(part) for part in zip(*cells, strict=True)]
            if cells and len(cells) != math.prod(map(len, parts)):
                raise ValueError(f"{name}: not the same rows for every model")
        return self


class SummaryRecord(Facts):
    """`summary.json` of an evaluation."""

    recipe: _Settings
    recipe_hash: str = ""
    baseline: str
    policy: str = ""
    versions: dict[str, Any] = {}
    models: dict[str, _Model]
    domains: dict[str, _Domain]
    recipes: dict[str, list[str]] = {}
    scores: list[_Score]
    differences: list[_Difference]
    documents: list[_Extremes] = []
    seed_noise: list[_SeedNoise] = []
    slices: list[_Slice] = []
    transfer: _Transfer | None = None
    long_context: _LongContext | None = None
    contamination: DomainContamination | None = None

    @model_validator(mode="after")
    def _has_every_score_once(self) -> Self:
        scored = [(score.model, score.domain) for score in self.scores]
        if sorted(scored) != sorted((model, domain) for model in self.models for domain in self.domains):
            raise ValueError("scores: expected one of each model on each domain")
        if self.baseline not in self.models:
            raise ValueError(f"baseline: {self.baseline} is not among the models")
        if self.long_context is not None and self.long_context.models != set(self.models):
            raise ValueError("long_context: not of the models")
        compared = [(row.model, row.against, row.domain) for row in self.differences]
        names = {*self.models, *self.recipes}
        if len(set(compared)) < len(compared):
            raise ValueError("differences: a row appears twice")
        for row in self.differences:
            if row.domain not in self.domains or not {row.model, row.against} <= names:
                raise ValueError(f"differences: {row.model} against {row.against} on {row.domain} has no score")
        for row in self.differences:
            if row.role != self.domains[row.domain].role:
                raise ValueError(f"differences: role {row.role} of {row.domain}, whose role is {self.domains[row.domain].role}")
        return self


class _Stage(Facts):
    name: str
    rows: Count
    tokens: Count
    asked: dict[str, Share]
    got: dict[str, Share]


class _MixSource(Facts):
    name: str
    available_tokens: Count
    tokens: Count
    epochs: Amount
    repeats: Count
    padding: Share
    split_documents: Count
    asked: Share
    got: Share
    synthetic: Share = 0.0


class PreviewRecord(Facts):
    """`preview.json` of a mix."""

    tokens: Count
    rows: Count
    synthetic: Share = 0.0
    max_synthetic: Share | None = None
    stages: list[_Stage]
    sources: Annotated[list[_MixSource], Field(min_length=1)]


class _PlanUse(Facts):
    plan_hash: str
    first_row: Count


class _Start(Facts):
    run: str
    step: Count
    checkpoint_hash: str


class _Optimizer(Facts):
    preset: str | None = None
    kind: str
    lr: Amount
    betas: tuple[Number, Number]
    weight_decay: Amount
    clip: Amount | None


class _Schedule(Facts):
    preset: str | None = None
    kind: str
    warmup_steps: Count | None
    warmup_share: Share
    decay_share: Share


class TrainSettings(Facts):
    """The recipe of a training run, as far as a report shows it."""

    seed: int
    batch_rows: Count | dict[str, Count]
    document_mask: bool
    precision: str
    optimizer: _Optimizer
    schedule: _Schedule


class TrainRunRecord(Facts):
    """`run.json` of a training run."""

    recipe_hash: str = ""
    plan_hash: str = ""
    plans: list[_PlanUse] = []
    resumed_from: _Start | None = None
    versions: dict[str, Any] = {}


class TrainedRecord(TrainRunRecord):
    """`run.json` of a training run, with the settings and the hardware that a report shows."""

    recipe: TrainSettings | None = None
    steps: Count | None = None
    row_tokens: Count | None = None
    n_parameters: Count | None = None
    device: str | None = None
    device_name: str | None = None
    processes: Annotated[Count, Field(ge=1)] = 1


class StepRecord(Facts):
    """A line of `metrics.jsonl`. Losses may be NaN or infinite."""

    step: Count
    tokens: Count
    loss: float
    lr: Amount
    loss_by_source: dict[str, float]
    tokens_by_source: dict[str, Count]
    bits_per_byte: dict[str, Number] = {}
    answer_bits: dict[str, Number] = {}
    tokens_per_second: Amount | None = None

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        values = [self.lr, *self.loss_by_source.values(), *self.bits_per_byte.values(), *self.answer_bits.values()]
        if any(math.isfinite(value) and abs(value) > _MOST for value in values):
            raise ValueError(f"a figure above {_MOST:g}")
        return self
