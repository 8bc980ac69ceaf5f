"""`watch.json`: curves over the steps of a run."""

from typing import Annotated, Any, Literal

from pydantic import Field

from shards.names import Count
from shards.report_record import Facts, Number

WATCH_NAME = "watch.json"
FORMAT = 1
Probability = Annotated[float, Field(ge=0, le=1)]


class PointRow(Facts):
    """A value after `step` steps, and its change over the base model with its 95% interval, paired by document or item."""

    step: Count
    tokens: Count
    value: Number
    delta: Number
    low: Number | None
    high: Number | None
    standard_error: Number | None
    minimum_detectable: Number | None
    p_value: Probability | None
    adjusted_p: Probability | None
    verdict: Literal["better", "worse", "undetectable", "too few", "lossy"]
    of: Literal["checkpoint"]


class Curve(Facts):
    """One metric on one domain or task over the steps; `base` is the base model's value."""

    kind: Literal["domain", "task"]
    name: str
    metric: str
    role: Literal["gain", "retain"] | None
    base: Number
    points: list[PointRow]


class Skipped(Facts):
    """A checkpoint that was not scored."""

    step: Count
    why: str


class WatchedRun(Facts):
    """The run."""

    name: str
    folder: str
    recipe_hash: str


class WatchRecord(Facts):
    """`watch.json` of `evaluate watch`."""

    format: Literal[1]
    run: WatchedRun
    identity: str
    baseline: str
    finished: bool
    recipe: dict[str, Any]
    learning_rate: list[tuple[int, float]]
    steps: list[dict[str, Any]]
    curves: list[Curve]
    skipped: list[Skipped]
