"""The plan of a mix: everything that decides its rows and their order, and a hash that names it.

On disk: `plan.json`, and an Arrow file of the rows that are not full (`SHORT_ROWS`). That is all, at any size, because the order is computed from
it (`mix.schedule`). The plan's hash covers seed, stages, packed sources and short rows, so two plans with one hash give the same rows in the same
order.

A plan may extend another: it holds that plan, and how many of its rows come first. `Plan.prefix_hash` names the first rows of a plan by what decides
them, so two plans that share a prefix are recognised as such, and a run may continue on the other.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mix.draws import Draws, ShortRows
from mix.errors import MixError
from mix.extended_schedule import RowSchedule, schedule_of
from mix.shares import Shares
from mix.source_order import Pacing, SourceOrder, source_key, source_order
from shards.facts import RowTokens
from shards.names import Checksum, Count, FileName
from shards.read import ShardSet
from shards.record import json_hash, read_record, write_record

PLAN_NAME = "plan.json"
PLAN_VERSION = 6
"""Version of the file and of the order computed from it. A plan's hash covers it, so no run resumes in a different order."""

_SHARES_ERROR = 1e-6

SHORT_ROWS = pa.schema(
    [
        ("source", pa.int16()),  # number of the source
        ("row", pa.int64()),  # row of the source, rising
        ("n_tokens", pa.int32()),  # real tokens, less than a row holds
    ]
)


Share = Annotated[float, Field(ge=0, le=1 + _SHARES_ERROR)]


@dataclass(frozen=True)
class PlanSource:
    """A source packed into rows of `row_tokens` tokens: `rows_hash` is the hash of its rows set's manifest, `n_tokens` counts real tokens. Without
    `order` its rows come in a different random order in each epoch."""

    name: FileName
    row_tokens: RowTokens
    rows_hash: Checksum
    n_rows: Count
    n_tokens: Count
    order: Pacing | None = None


@dataclass(frozen=True)
class PlanStage:
    """A stage: the tokens of its rows, its first row in the run, and each source's share of real tokens at its beginning and end."""

    name: str
    row_tokens: RowTokens
    tokens: Count
    first_row: Count
    begin: tuple[Share, ...]
    end: tuple[Share, ...]


@dataclass(frozen=True)
class PlanPiece:
    """Consecutive real tokens with each source's share at their beginning and end, linear in between; part of stage number `stage` of the plan."""

    tokens: Annotated[float, Field(gt=0, le=1 << 53)]
    begin: tuple[Share, ...]
    end: tuple[Share, ...]
    stage: Count = 0


@dataclass(frozen=True)
class Plan:
    """A run of `n_rows` rows with `n_tokens` real tokens. A source packed into rows of several lengths is several of `sources`; those of `row_tokens`
    lie in the folder `rows`, see `rows_folder`. `short_rows_checksum` is the xxh3-128 of the file of short rows. `history` records where
    the weights came from, one entry for each re-weighting. A plan that `extends` another has the other's sources first, in their order; its `pieces`
    begin after the other's rows, its `stages` are those of the whole run."""

    seed: int
    row_tokens: int
    n_rows: int
    n_tokens: int
    sources: tuple[PlanSource, ...]
    stages: tuple[PlanStage, ...]
    pieces: tuple[PlanPiece, ...]
    short_rows_checksum: str
    history: tuple[dict[str, Any], ...] = field(compare=False, repr=False)
    short_rows: pa.Table = field(compare=False, repr=False)
    extends: "PlanExtension | None" = None

    @cached_property
    def schedule(self) -> RowSchedule:
        """The source of each row."""
        source, row, tokens = (column.to_numpy() for column in self.short_rows.columns)
        ends = np.searchsorted(source, np.arange(len(self.sources) + 1))
        draws = [
            Draws(item.n_rows, item.row_tokens, ShortRows(row[first:last], tokens[first:last].astype(np.int64)), source_order_of(self.seed, item))
            for item, first, last in zip(self.sources, ends, ends[1:], strict=False)
        ]
        stretches = [(row_tokens, _shares(pieces)) for row_tokens, pieces in groupby(self.pieces, lambda piece: self.stages[piece.stage].row_tokens)]
        if self.extends is None:
            return schedule_of(stretches, draws)
        return schedule_of(stretches, draws, self.extends.plan.schedule, self.extends.rows)

    @cached_property
    def source_names(self) -> list[str]:
        """Names of the sources, each once."""
        return list(dict.fromkeys(source.name for source in self.sources))

    @cached_property
    def source_numbers(self) -> NDArray[np.int16]:
        """(n,) int16: index in `source_names` of each of `sources`."""
        return np.array([self.source_names.index(source.name) for source in self.sources], np.int16)

    @property
    def longest_row(self) -> int:
        """Tokens of the longest rows of the run."""
        ends = [*(stage.first_row for stage in self.stages[1:]), self.n_rows]
        return max((stage.row_tokens for stage, end in zip(self.stages, ends, strict=True) if stage.first_row < end), default=self.row_tokens)

    def rows_folder(self, source: PlanSource) -> tuple[str, str]:
        """Names of the two folders, one inside the other, in which a mix has the packed rows of one of `sources`."""
        return rows_folder(source.name, source.row_tokens, self.row_tokens)

    def to_json(self) -> dict[str, Any]:
        """The plan without its short rows, which their checksum represents."""
        fields = {item.name: getattr(self, item.name) for item in dataclasses.fields(self) if item.name != "short_rows"}
        for name in ("sources", "stages", "pieces"):
            fields[name] = [dataclasses.asdict(item) for item in fields[name]]
        if self.extends is not None:
            fields["extends"] = {"rows": self.extends.rows, "plan": self.extends.plan.to_json()}
        return fields | {"version": PLAN_VERSION}

    @property
    def hash(self) -> str:
        """xxh3-128 of the plan, in hexadecimal."""
        return json_hash(self.to_json())

    @property
    def joins(self) -> list[int]:
        """Rows at which this plan departs from those that it extends, the last first; empty if it extends none."""
        return [] if self.extends is None else [self.extends.rows, *self.extends.plan.joins]

    def prefix_hash(self, rows: int) -> str:
        """xxh3-128 of everything that decides the first `rows` rows, in hexadecimal: plans that agree in it give the same rows up to there.

        Names of stages and the history of weights do not count. Weights count as long as they may affect a row: those of this plan from its first
        row of its own, even if they only differ later.
        """
        if self.extends is not None and rows <= self.extends.rows:
            return self.extends.plan.prefix_hash(rows)
        before = None if self.extends is None else [self.extends.rows, self.extends.plan.prefix_hash(self.extends.rows)]
        sources = [dataclasses.asdict(source) for source in self.sources]
        pieces = [[piece.tokens, piece.begin, piece.end] for piece in self.pieces]
        return json_hash([PLAN_VERSION, before, self.seed, self.row_tokens, sources, pieces, self.short_rows_checksum])


def rows_folder(source: str, row_tokens: int, usual: int) -> tuple[str, str]:
    """Names of the two folders, one inside the other, for a source's rows of `row_tokens` tokens; `usual` is the row length of the mix."""
    return "rows" if row_tokens == usual else f"rows-{row_tokens}", source


def _shares(pieces: Iterable[PlanPiece]) -> Shares:
    tokens, begin, end = zip(*((piece.tokens, piece.begin, piece.end) for piece in pieces), strict=True)
    return Shares(np.array(tokens), np.array(begin), np.array(end))


@dataclass(frozen=True)
class PlanExtension:
    """The first `rows` rows of `plan`, which another plan begins with. The history of weights is in the other plan alone."""

    plan: Plan
    rows: int


def shared_rows(a: Plan, b: Plan) -> int:
    """The number of first rows that two plans share by definition; their rows may agree further by chance."""
    candidates = {0, a.n_rows, b.n_rows, *a.joins, *b.joins}
    return max(rows for rows in candidates if rows <= min(a.n_rows, b.n_rows) and (not rows or a.prefix_hash(rows) == b.prefix_hash(rows)))


def source_order_of(seed: int, source: PlanSource) -> SourceOrder:
    """The order of a source's rows."""
    return source_order(source.n_rows, source_key(seed, source.name), source.order)


def write_plan(folder: Path, plan: Plan) -> None:
    """Write `plan.json`, with the hash; the file of short rows is part of the mix's shard set."""
    write_record(Path(folder) / PLAN_NAME, plan.to_json() | {"plan_hash": plan.hash})


class _Definition(BaseModel):
    """Bounds of a plan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    seed: int
    row_tokens: RowTokens
    n_rows: Count
    n_tokens: Count
    sources: Annotated[tuple[PlanSource, ...], Field(min_length=1, max_length=1 << 15)]
    stages: tuple[PlanStage, ...]
    pieces: Annotated[tuple[PlanPiece, ...], Field(min_length=1)]
    short_rows_checksum: Checksum
    history: tuple[dict[str, Any], ...]
    extends: "_Extension | None" = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        names = [(source.name, source.row_tokens) for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("sources: two have the same name")
        longest = max((stage.row_tokens for stage in self.stages), default=self.row_tokens)
        sizes = [(source.name, source.n_rows, source.n_tokens, source.row_tokens) for source in self.sources]
        for what, n_rows, n_tokens, row_tokens in [("the run", self.n_rows, self.n_tokens, longest), *sizes]:
            if n_tokens > n_rows * row_tokens:
                raise ValueError(f"n_tokens {n_tokens} of {what}: {n_rows} rows of {row_tokens} tokens hold fewer")
        stretches: list[PlanStage | PlanPiece] = [*self.stages, *self.pieces]
        for stretch in stretches:
            for shares in (stretch.begin, stretch.end):
                if len(shares) != len(names) or abs(sum(shares) - 1) > _SHARES_ERROR:
                    raise ValueError(f"shares {shares}: expected one for each of {len(names)} sources, with a sum of 1")
        if any(piece.stage >= len(self.stages) for piece in self.pieces):
            raise ValueError("pieces: some belong to no stage")
        for piece in self.pieces:
            row_tokens = self.stages[piece.stage].row_tokens
            for source, *ends in zip(self.sources, piece.begin, piece.end, strict=True):
                if source.row_tokens != row_tokens and any(ends):
                    raise ValueError(f"pieces: {source.name} in rows of {source.row_tokens} tokens has a share in a stage of rows of {row_tokens}")
        firsts = [stage.first_row for stage in self.stages]
        if firsts != sorted(firsts) or (firsts and firsts[-1] > self.n_rows):
            raise ValueError(f"stages begin at rows {firsts} of {self.n_rows}")
        return self

    @model_validator(mode="after")
    def _continues(self) -> Self:
        if self.extends is not None:
            plan, rows = self.extends.plan, self.extends.rows
            if rows > min(plan.n_rows, self.n_rows):
                raise ValueError(f"extends: its first {rows} rows, but it has {plan.n_rows}, and the run {self.n_rows}")
            if (plan.version, plan.seed, plan.row_tokens, plan.sources) != (self.version, self.seed, self.row_tokens, self.sources[: len(plan.sources)]):
                raise ValueError("extends: a plan of another version, seed or row length, or of other sources")
        return self


class _Extension(BaseModel):
    """The plan that a plan extends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Annotated[int, Field(ge=1)]
    plan: _Definition


class _PlanFile(_Definition):
    """Bounds of `plan.json`."""

    plan_hash: Checksum


def read_plan(mix: ShardSet) -> Plan:
    """The plan in a mix's folder. Raises MixError if `plan.json` is missing, damaged, out of bounds, of another version, or not the one the mix was
    built with."""
    path = mix.folder / PLAN_NAME
    try:
        stored = read_record(path, _PlanFile, error=MixError, remedy="rerun `mix build`", version=("version", PLAN_VERSION))
    except FileNotFoundError:
        raise MixError(f"{path}: missing; rerun `mix build`") from None
    plan = _plan_of(stored, mix.table(0))
    if not plan.hash == stored.plan_hash == mix.manifest.info["plan_hash"]:
        raise MixError(f"{path}: this plan is {plan.hash}, the mix was built with {mix.manifest.info['plan_hash']}; rerun `mix build`")
    problem = _disagreement(plan, mix)
    if problem:
        raise MixError(f"{path}: {problem}; rerun `mix build`")
    return plan


def _plan_of(stored: _Definition, short_rows: pa.Table) -> Plan:
    """The plan of a definition. The sources of an extended plan are the first of these, and so are its short rows."""
    fields = {item.name: getattr(stored, item.name) for item in dataclasses.fields(Plan) if item.name not in ("short_rows", "extends")}
    extends = None
    if stored.extends is not None:
        earlier = stored.extends.plan
        extends = PlanExtension(_plan_of(earlier, short_rows.filter(pc.less(short_rows["source"], len(earlier.sources)))), stored.extends.rows)
    return Plan(**fields, short_rows=short_rows, extends=extends)


def _disagreement(plan: Plan, mix: ShardSet) -> str | None:
    """What in a plan contradicts the mix's manifest, the file of short rows, or the order that follows from it; None if nothing does."""
    info = mix.manifest.info
    for name, planned in (
        ("n_rows", plan.n_rows),
        ("n_tokens", plan.n_tokens),
        ("row_tokens", plan.longest_row),
        ("sources", plan.source_names),
    ):
        if planned != info[name]:
            return f"{name} {planned}, the mix's manifest says {info[name]}"
    if [parent.manifest_hash for parent in mix.manifest.parents] != [source.rows_hash for source in plan.sources]:
        return "its packed rows are not those that the mix's manifest names"
    if plan.short_rows_checksum != mix.manifest.files[0].checksum or plan.short_rows.schema != SHORT_ROWS:
        return f"its short rows are not those of {mix.manifest.files[0].name}"
    source, row, tokens = (column.to_numpy() for column in plan.short_rows.columns)
    sizes = np.array([item.n_rows for item in plan.sources], np.int64)
    if len(source) and (source.min() < 0 or source.max() >= len(sizes) or (np.diff(source) < 0).any()):
        return f"{mix.manifest.files[0].name} names unknown sources"
    follows = (np.diff(source) > 0) | (np.diff(row) > 0)
    lengths = np.array([item.row_tokens for item in plan.sources], np.int64)
    if (row < 0).any() or (row >= sizes[source]).any() or not follows.all() or (tokens < 1).any() or (tokens >= lengths[source]).any():
        return f"{mix.manifest.files[0].name} holds rows that its sources do not have"
    lacking = np.bincount(source, lengths[source] - tokens, len(sizes)).astype(np.int64)
    for item, missing in zip(plan.sources, lacking.tolist(), strict=True):
        if item.n_tokens != item.n_rows * item.row_tokens - missing:
            return f"n_tokens {item.n_tokens} of {item.name}: its rows hold {item.n_rows * item.row_tokens - missing}"
    return None
