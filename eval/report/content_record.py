"""`report.json` of `evaluate report`, as other programs may rely on it: the keys with their types. Rows repeat the keys of the files that they come from.

`read_report` checks the seal, the format and the types. Sections without input are empty or null; other keys may be added within a format.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from eval.bounds import Bounds
from eval.errors import EvalError
from eval.report.record import Role, Share
from eval.watch.record import PointRow
from shards.names import Count
from shards.record import read_record
from shards.report_record import Facts, Number

FORMAT = 1
Row = dict[str, Any]


class Change(Bounds):
    """A difference from the baseline on a domain, with the words that the page says about it."""

    model: str
    against: str
    domain: str
    role: Role
    delta: Number
    before: Number
    after: Number
    verdict: str
    outcome: str
    tone: Literal["good", "bad", "plain"]
    sentence: str


class _ModelChanges(Facts):
    model: str
    mix: str
    changes: list[Change]


class _Headline(Facts):
    baseline: str
    models: list[_ModelChanges]
    comparisons: list[str]


class Score(Bounds):
    """Bits per byte of a model on a domain."""

    model: str
    domain: str
    bits_per_byte: Number
    documents: Count
    bytes: Count


class _ScoreRow(Facts):
    model: str
    score: Score | None
    difference: Row | None


class _DomainScores(Facts):
    domain: str
    role: Role
    documents: Count
    rows: list[_ScoreRow]


class _Corpus(Facts):
    name: str
    counts: dict[str, Count]
    funnel: list[Row]


class _MixSource(Facts):
    name: str
    tokens: Count
    asked: Share
    got: Share
    seen: Share | None


class _Mix(Facts):
    name: str
    tokens: Count
    sources: list[_MixSource]


class _Run(Facts):
    name: str
    steps: Count
    tokens: Count
    loss_by_source: dict[str, dict[str, list[float | None]]]
    learning_rate: dict[str, list[float | None]]


class _Line(Facts):
    model: str
    measure: Literal["checkpoints", "in training"]
    base: float | None
    points: list[PointRow | Row]


class _Panel(Facts):
    kind: Literal["domain", "task"]
    name: str
    metric: str
    lines: list[_Line]


class _OverSteps(Facts):
    panels: list[_Panel]
    annealing: list[Row]
    gaps: list[Row]


class _Provenance(Facts):
    artefacts: list[dict[str, str]]
    versions: dict[str, Any]
    policy: str
    settings: Row
    reproduce: list[str]


class ReportContent(Facts):
    """`report.json`: every figure and sentence of the page."""

    format: Literal[1]
    title: str
    headline: _Headline
    scores: Annotated[list[_DomainScores], Field(min_length=1)]
    recipes: dict[str, Any]
    seeds: list[Row]
    documents: list[Row]
    slices: list[Row]
    transfer: Row | None
    text: list[Row]
    long_context: Row | None
    tasks: Row | None
    probes: Row | None
    suggestions: list[Row]
    corpora: list[_Corpus]
    mixes: list[_Mix]
    runs: list[_Run]
    over_steps: _OverSteps | None
    run_settings: Any
    run_costs: list[Row]
    provenance: _Provenance
    caveats: list[str]


def read_report(path: Path) -> ReportContent:
    """Read report.json. Raises FileNotFoundError without it, and EvalError if it is damaged or of another format."""
    return read_record(path, ReportContent, error=EvalError, remedy="rerun `evaluate report`", version=("format", FORMAT))
