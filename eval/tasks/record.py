"""The keys of tasks.json, with their types and bounds."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from eval.bounds import Bounds
from eval.contamination.record import TaskContamination
from shards.names import Count
from shards.report_record import Facts, Number

TASKS_NAME = "tasks.json"

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Verdict = Literal["better", "worse", "undetectable", "too few", "lossy"]
Metric = Literal["bits_per_byte", "acc", "acc_norm", "exact_match"]


class _Macro(Bounds):
    value: Number


class _MacroDelta(Bounds):
    delta: Number


class TaskFacts(Facts):
    """One task."""

    suite: str
    kind: Literal["choice", "continuation", "generate"]
    accuracy: Metric
    shots: Count
    chance: Share | None
    items: Count
    left_out: Count
    subtasks: Count


class ScoreRow(Bounds):
    """One model's value of one metric on one task."""

    model: str
    task: str
    metric: Metric
    value: Number
    standard_error: Amount | None
    smallest_change: Amount | None
    items: Count
    clusters: Count
    effective: Amount
    pooled: Amount | None = None
    near_ties: Count | None = None
    macro: _Macro | None = None


class SubtaskRow(Facts):
    """One model's means on a subject, paradigm or language."""

    model: str
    task: str
    subtask: str
    items: Count
    bits_per_byte: Number
    acc: Share
    acc_norm: Share | None = None


class DifferenceRow(Bounds):
    """`model` minus `against` in one metric on one task."""

    model: str
    against: str
    task: str
    metric: Metric
    of: Literal["checkpoint", "recipe"]
    delta: Number
    standard_error: Amount | None
    minimum_detectable: Amount | None
    p_value: Share
    adjusted_p: Share
    verdict: Verdict
    items: Count
    clusters: Count
    effective: Amount
    gained: Count | None = None
    lost: Count | None = None
    macro: _MacroDelta | None = None


class OrderRow(Facts):
    """How well a task tells the models apart; null if there is one model."""

    task: str
    signal_to_noise: Amount | None


class ModelFacts(Facts):
    """One model."""

    checksum: str
    n_parameters: Count | None = None
    lost: dict[str, Share] = {}


class TasksRecord(Facts):
    """`tasks.json` of `evaluate tasks`."""

    name: str
    recipe: dict[str, Any]
    recipe_hash: str
    baseline: str
    recipes: dict[str, list[str]]
    policy: str
    versions: dict[str, str]
    settings: dict[str, Any]
    models: dict[str, ModelFacts]
    tasks: dict[str, TaskFacts]
    order: list[OrderRow] = []
    scores: list[ScoreRow]
    subtasks: list[SubtaskRow]
    differences: list[DifferenceRow]
    contamination: TaskContamination | None = None

    @model_validator(mode="after")
    def _names_what_it_describes(self) -> "TasksRecord":
        if self.baseline not in self.models:
            raise ValueError(f"baseline: {self.baseline} is not among the models")
        known = set(self.models) | set(self.recipes)
        rows: list[ScoreRow | SubtaskRow | DifferenceRow] = [*self.scores, *self.subtasks, *self.differences]
        for row in rows:
            if row.task not in self.tasks or row.model not in known:
                raise ValueError(f"a row of model {row.model} and task {row.task}, which is not described")
        return self
