"""The keys that probes.json must hold for those who read it, with their types and bounds."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from eval.bounds import Bounds
from shards.names import Count
from shards.report_record import Facts, Number

Share = Annotated[float, Field(ge=0, le=1 + 1e-6)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MaybeNumber = Number | None


class _Model(Facts):
    checksum: str


class _Measure(Facts):
    probe: str
    unit: str
    better: Literal["lower", "higher"] | None
    meaning: str


class _Interval(Bounds):
    items: Count
    clusters: Count
    effective: Amount


class Score(_Interval):
    """A measure of one model on one domain; `model` is `human` for the authors' own texts, `domain` empty for probes without text."""

    measure: str
    model: str
    domain: str
    value: Number


class Difference(_Interval):
    """A model, or a recipe of several, minus the baseline. `verdict` is null for measures that only describe, `lossy` where a tokenizer loses text."""

    probe: str
    measure: str
    domain: str
    model: str
    against: str
    of: Literal["checkpoint", "recipe"]
    delta: Number
    standard_error: MaybeNumber
    minimum_detectable: MaybeNumber
    p_value: Share
    adjusted_p: Share | None
    verdict: Literal["better", "worse", "undetectable", "too few", "lossy"] | None


class _Skipped(Facts):
    model: str
    probe: str
    why: str


class _Lossy(Facts):
    model: str
    domain: str
    how: str


class _Continuation(Facts):
    text: str
    ended: bool
    loop: bool


class _Example(Facts):
    domain: str
    doc_id: str
    prompt: str
    human: str
    continuations: dict[str, dict[str, _Continuation]]


class _Answer(Facts):
    form: str
    instruction: str
    answer: str


class _Bin(Facts):
    confidence: Share
    right: Share
    tokens: Count


class _Cell(Facts):
    layer: Count | None
    part: str
    relative: Amount | None
    cosine: MaybeNumber
    numbers: Count


class _Drift(Facts):
    cells: Annotated[list[_Cell], Field(min_length=1)]
    total: dict[str, Any]
    rows: dict[str, Any]
    not_compared: list[str]


class ProbesRecord(Facts):
    """`probes.json`."""

    name: str
    recipe_hash: str
    baseline: str
    versions: dict[str, str]
    models: dict[str, _Model]
    domains: list[str]
    probes: list[str]
    measures: dict[str, _Measure]
    scores: list[Score]
    differences: list[Difference]
    skipped: list[_Skipped]
    lossy: list[_Lossy] = []
    """Models whose tokenizer loses text of a domain; differences there have no verdict."""
    examples: list[_Example]
    tasks: dict[str, dict[str, Share]]
    answers: dict[str, list[_Answer]]
    reliability: dict[str, dict[str, list[_Bin]]]
    drift: dict[str, _Drift]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.baseline not in self.models:
            raise ValueError(f"baseline: {self.baseline} is not among the models")
        unknown = ({row.measure for row in self.scores} | {row.measure for row in self.differences}) - set(self.measures)
        if unknown:
            raise ValueError(f"measures: no description of {min(unknown)}")
        cells = [(row.measure, row.model, row.domain) for row in self.scores]
        if len(set(cells)) < len(cells):
            raise ValueError("scores: a row appears twice")
        return self
