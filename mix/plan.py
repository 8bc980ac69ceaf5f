"""The plan of a mix: everything that decides its rows and their order, and a hash that names it.

On disk: `plan.json`, and an Arrow file of the rows that are not full (`SHORT_ROWS`). That is all, at any size: the order is computed
from it (`mix.schedule`). The plan's hash covers seed, stages, packed sources and short rows, so two plans of one hash give the same
rows in the same order.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mix.draws import Draws, ShortRows
from mix.errors import MixError
from mix.schedule import Schedule
from mix.shares import Shares
from mix.source_order import Pacing, SourceOrder, source_key, source_order
from shards.manifest import json_hash, write_atomically
from shards.read import ShardSet

PLAN_NAME = "plan.json"
PLAN_VERSION = 3
"""Of the file and of the order that is computed from it: the hash of a plan covers it, so no run goes on in another order."""

SHORT_ROWS = pa.schema(
    [
        ("source", pa.int16()),  # number of the source
        ("row", pa.int64()),  # row of the source, rising
        ("n_tokens", pa.int32()),  # real tokens, less than a row holds
    ]
)


@dataclass(frozen=True)
class PlanSource:
    """A packed source: `rows_hash` is the hash of its rows set's manifest, `n_tokens` counts real tokens. Without `order` its rows come
    in another random order in each epoch."""

    name: str
    rows_hash: str
    n_rows: int
    n_tokens: int
    order: Pacing | None = None


@dataclass(frozen=True)
class PlanStage:
    """A stage: its first row in the run, and each source's share of real tokens at its beginning and end."""

    name: str
    tokens: int
    first_row: int
    begin: tuple[float, ...]
    end: tuple[float, ...]


@dataclass(frozen=True)
class PlanPiece:
    """A stretch of real tokens with each source's share at its beginning and end, linear in between."""

    tokens: float
    begin: tuple[float, ...]
    end: tuple[float, ...]


@dataclass(frozen=True)
class Plan:
    """A run of `n_rows` rows with `n_tokens` real tokens. `short_rows_checksum` is the xxh3-128 of the file of short rows; `history` tells
    how its weights came about, one entry for each re-weighting."""

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

    @cached_property
    def schedule(self) -> Schedule:
        """Which source gives each row."""
        source, row, tokens = (column.to_numpy() for column in self.short_rows.columns)
        ends = np.searchsorted(source, np.arange(len(self.sources) + 1))
        draws = [
            Draws(item.n_rows, self.row_tokens, ShortRows(row[first:last], tokens[first:last].astype(np.int64)), source_order_of(self.seed, item))
            for item, first, last in zip(self.sources, ends, ends[1:], strict=False)
        ]
        shares = (np.array([getattr(piece, name) for piece in self.pieces]) for name in ("tokens", "begin", "end"))
        return Schedule(Shares(*shares), draws)

    def to_json(self) -> dict[str, Any]:
        """The plan without its short rows, which enter by their checksum."""
        fields = {item.name: getattr(self, item.name) for item in dataclasses.fields(self) if item.name != "short_rows"}
        for name in ("sources", "stages", "pieces"):
            fields[name] = [dataclasses.asdict(item) for item in fields[name]]
        return fields | {"version": PLAN_VERSION}

    @property
    def hash(self) -> str:
        """xxh3-128 of the plan, in hexadecimal."""
        return json_hash(self.to_json())


def source_order_of(seed: int, source: PlanSource) -> SourceOrder:
    """The order in which a source gives its rows."""
    return source_order(source.n_rows, source_key(seed, source.name), source.order)


def write_plan(folder: Path, plan: Plan) -> None:
    """Write `plan.json`, with the hash; the file of short rows is part of the mix's shard set."""
    text = json.dumps(plan.to_json() | {"plan_hash": plan.hash}, indent=1, ensure_ascii=False)
    write_atomically(Path(folder) / PLAN_NAME, (text + "\n").encode())


def read_plan(mix: ShardSet) -> Plan:
    """The plan in a mix's folder. Raises MixError if `plan.json` is missing, of another version, or not the one the mix was built with."""
    path = mix.folder / PLAN_NAME
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        version = raw["version"]
    except FileNotFoundError:
        raise MixError(f"{path}: missing; rerun `mix build`") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MixError(f"{path}: not a readable plan ({type(error).__name__}: {error}); rerun `mix build`") from None
    if version != PLAN_VERSION:
        raise MixError(f"{path}: plan version {version}, this cptkit reads version {PLAN_VERSION}; rerun `mix build`")
    try:
        plan = _from_json(raw, mix.table(0))
    except (KeyError, TypeError) as error:
        raise MixError(f"{path}: not a plan ({type(error).__name__}: {error}); rerun `mix build`") from None
    if plan.hash != mix.manifest.info.get("plan_hash"):
        raise MixError(f"{path}: this plan is {plan.hash}, the mix was built with {mix.manifest.info.get('plan_hash')}; rerun `mix build`")
    return plan


def _from_json(raw: dict[str, Any], short_rows: pa.Table) -> Plan:
    stages = tuple(PlanStage(**_with_tuples(stage)) for stage in raw["stages"])
    pieces = tuple(PlanPiece(**_with_tuples(piece)) for piece in raw["pieces"])
    scalars = {name: raw[name] for name in ("seed", "row_tokens", "n_rows", "n_tokens", "short_rows_checksum")}
    sources = tuple(PlanSource(**source | {"order": source["order"] and Pacing(*source["order"])}) for source in raw["sources"])
    return Plan(sources=sources, stages=stages, pieces=pieces, history=tuple(raw["history"]), short_rows=short_rows, **scalars)


def _with_tuples(stretch: dict[str, Any]) -> dict[str, Any]:
    return stretch | {"begin": tuple(stretch["begin"]), "end": tuple(stretch["end"])}
