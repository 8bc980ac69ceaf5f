"""`frontier.json` and `compare.json` as their readers may rely on them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from eval.bounds import Bounds
from eval.report.record import Amount, Share
from shards.names import Count
from shards.report_record import Facts, Number


class _Change(Bounds):
    """A change in bits per byte."""

    delta: Number


class _Cost(Facts):
    tokens: Count | None
    seconds: Amount | None
    gpu_hours: Amount | None


class _Point(Facts):
    name: str
    of: Literal["recipe", "checkpoint"]
    members: Annotated[list[str], Field(min_length=1)]
    run: str | None
    step: Count | None
    cost: _Cost
    changes: dict[str, _Change]


class _Place(Facts):
    status: Literal["front", "possibly dominated", "surely dominated"]
    dominated_by: list[str]
    surely_by: list[str]
    front_share: Share | None


class _Standing(_Place):
    point: str


class _Beside(Facts):
    suggestion: str
    beaten_by: list[str]
    beats: list[str]


class _Front(Facts):
    gain: str
    retain: str
    base: _Place
    standings: list[_Standing]
    suggestions: list[_Beside]


class _Step(Facts):
    step: Count
    tokens: Count | None
    changes: dict[str, _Change]


class _Trajectory(Facts):
    run: str
    measure: str
    steps: list[_Step]


class _Suggestion(Facts):
    name: str
    status: Literal["provisional", "confirmed"]
    shares: dict[str, Share]
    changes: dict[str, _Change]


class _Baseline(Facts):
    name: str
    bits_per_byte: dict[str, Amount]


class FrontierRecord(Facts):
    """`frontier.json`: points with their changes over the base model, and a front for each pair of domains."""

    format: Literal[1]
    measure: str
    baseline: _Baseline
    cost: Literal["tokens", "seconds", "gpu_hours"] | None
    points: Annotated[list[_Point], Field(min_length=1)]
    fronts: Annotated[list[_Front], Field(min_length=1)]
    trajectories: list[_Trajectory]
    suggestions: list[_Suggestion]
    notes: list[str]

    @model_validator(mode="after")
    def _names_its_points_once(self) -> Self:
        names = [point.name for point in self.points]
        if len(set(names)) < len(names):
            raise ValueError("points: a name appears twice")
        if unknown := {row.point for front in self.fronts for row in front.standings} - set(names):
            raise ValueError(f"fronts: {min(unknown)} is none of the points")
        return self
