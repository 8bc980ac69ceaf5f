"""The plan of a mix: everything that decides its rows and their order, and a hash that names it.

On disk: `plan.json`, and an Arrow file with one row per block of `BLOCK_ROWS` rows of the run (`BLOCKS`). The plan's hash covers
seed, stages, packed sources and blocks, so two plans of one hash give the same rows in the same order.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from mix.errors import MixError
from mix.source_order import Pacing
from shards.manifest import json_hash, write_atomically
from shards.read import ShardSet

PLAN_NAME = "plan.json"
PLAN_VERSION = 1
BLOCK_ROWS = 8192

BLOCKS = pa.schema(
    [
        ("sources", pa.list_(pa.int16())),  # the source that gives each row of the block
        ("rows_before", pa.list_(pa.int64())),  # per source: rows given before the block
        ("tokens_before", pa.list_(pa.int64())),  # per source: real tokens given before the block
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
class Plan:
    """A run of `n_rows` rows with `n_tokens` real tokens. `blocks_checksum` is the xxh3-128 of the file of blocks; `history` tells how
    its weights came about, one entry for each re-weighting."""

    seed: int
    row_tokens: int
    n_rows: int
    n_tokens: int
    sources: tuple[PlanSource, ...]
    stages: tuple[PlanStage, ...]
    blocks_checksum: str
    history: tuple[dict[str, Any], ...] = field(compare=False, repr=False)
    blocks: pa.Table = field(compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """The plan without its blocks, which enter by their checksum."""
        fields = {item.name: getattr(self, item.name) for item in dataclasses.fields(self) if item.name != "blocks"}
        for name in ("sources", "stages"):
            fields[name] = [dataclasses.asdict(item) for item in fields[name]]
        return fields | {"version": PLAN_VERSION}

    @property
    def hash(self) -> str:
        """xxh3-128 of the plan, in hexadecimal."""
        return json_hash(self.to_json())


def write_plan(folder: Path, plan: Plan) -> None:
    """Write `plan.json`, with the hash; the blocks' file is part of the mix's shard set."""
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


def _from_json(raw: dict[str, Any], blocks: pa.Table) -> Plan:
    stages = tuple(PlanStage(**stage | {"begin": tuple(stage["begin"]), "end": tuple(stage["end"])}) for stage in raw["stages"])
    scalars = {name: raw[name] for name in ("seed", "row_tokens", "n_rows", "n_tokens", "blocks_checksum")}
    sources = tuple(PlanSource(**source | {"order": source["order"] and Pacing(*source["order"])}) for source in raw["sources"])
    return Plan(sources=sources, stages=stages, history=tuple(raw["history"]), blocks=blocks, **scalars)
