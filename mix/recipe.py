"""The mix recipe: sources of tokens, and stages with each source's share of the tokens."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from mix.repeats import repeat_ranges
from mix.weights import Weight, knots, weight_at
from shards.amounts import Tokens, parse_tokens
from shards.errors import ShardError
from shards.names import name_problem
from shards.recipe import Recipe
from shards.record import read_record

_EPOCHS = re.compile(r"(\d*\.?\d+)\s*epochs?", re.IGNORECASE)


_MOST_NAME_BYTES = 128
"""Upper limit of a source's name; a folder name may append a group's value and a hash to it."""

_SUM_SLACK = 0.015
"""Rounding error allowed in a sum of shares: three shares of 0.33 each sum to 0.99."""


def _read_budget(value: Any) -> Any:
    match = _EPOCHS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return {"epochs": float(match[1])}
    return parse_tokens(value) if isinstance(value, str) else value


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


Folders = Annotated[list[Path], BeforeValidator(_one_or_many)]


class EpochsRecipe(Recipe):
    """An amount of tokens in epochs over the source: `2 epochs`."""

    epochs: float = Field(gt=0)
    """Requested tokens divided by the tokens of the source."""


class RepeatsRecipe(Recipe):
    """How often an epoch contains each document (rehydration, FineWeb2 arXiv 2506.20920)."""

    column: str = "cluster_size"
    """Column of the documents. `curate` writes `cluster_size`, the number of duplicates that a kept document represents."""

    times: dict[int | float | str, Annotated[int, Field(ge=0)]] | None = None
    """Repeats by lower bound, as in {1: 1, 2: 3, 17: 10}, where values below the smallest bound count once; or by ranges without gaps, as in
    {"<0.5": 0, "0.5..0.9": 1, ">=0.9": 4}, upper ends excluded; or the path of the `rehydration.json` that `curate rehydrate` wrote. null: the
    column holds the number of repeats. 0 leaves a document out. A document without a value appears once."""

    @field_validator("times", mode="before")
    @classmethod
    def _read_weights(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return _numeric_keys(value)
        if not isinstance(value, str):
            return value
        try:
            return _numeric_keys(read_record(Path(value), dict[str, Any], remedy="rerun `curate rehydrate`")["weights"])
        except (OSError, ShardError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{value} is not a rehydration.json written by `curate rehydrate` ({type(error).__name__}: {error})") from None


def _numeric_keys(table: dict[Any, Any]) -> dict[Any, Any]:
    """Convert keys that JSON or an override gave as text to numbers. Raises ValueError for a repeated number, and as `repeat_ranges`."""
    numbers: dict[Any, Any] = {}
    for key, value in table.items():
        number = key
        if isinstance(key, str):
            with suppress(ValueError):
                number = int(key) if key.strip().lstrip("+-").isdecimal() else float(key)
        if number in numbers:
            raise ValueError(f"{number} appears twice")
        numbers[number] = value
    repeat_ranges(numbers)
    return numbers


class OrderRecipe(Recipe):
    """Order of a source's rows by a score of its documents, for curricula. Each epoch still contains every row once."""

    by: str
    """Column of the documents (`perplexity`, `compression_ratio`, …), or `n_tokens`, or `fertility` (tokens per word; needs the column `n_words`)."""

    direction: Literal["up", "down"] = "up"
    """up: from the smallest score to the largest. In Llama-3-SynE (arXiv 2407.18743) low to high perplexity beat the reverse and a random order."""

    pacing: Literal["sorted", "groups", "linear", "quadratic", "inverse_quadratic", "interleaved"] = "sorted"
    """sorted: by score alone. groups: one group after another, shuffled within each. linear, quadratic, inverse_quadratic: groups open at that
    pace, and rows are drawn at random from all open groups. interleaved: `groups` passes, each from the first score to the last (arXiv
    2506.11300)."""

    groups: int = Field(10, ge=1, le=1000)
    """Number of difficulty groups with equal row counts, or of passes if interleaved. 10 as in arXiv 2506.11300."""

    start: float = Field(0.1, ge=0, le=1)
    """Fraction of the rows that is open at the beginning, for linear, quadratic and inverse_quadratic. Our default."""

    part: float = Field(1.0, gt=0, le=1)
    """Fraction of an epoch that follows the order, taken equally from every group; the rest of the epoch is in random order. Use it for a
    curriculum as a warm-up, or for a source used for less than one epoch, which would otherwise never reach its last groups."""

    window: int | None = Field(None, ge=16)
    """Documents packed together. The order is exact up to one window; a larger window pads less. null: a hundredth of the documents, at least 64
    and at most 4,096. Our default."""

    @model_validator(mode="after")
    def _part_needs_groups(self) -> "OrderRecipe":
        if self.part < 1 and self.pacing in ("sorted", "interleaved"):
            raise ValueError(f"part: pacing {self.pacing} orders whole epochs; use groups, linear, quadratic or inverse_quadratic for a part of an epoch")
        return self


class SourceRecipe(Recipe):
    """One source: token shard sets that are packed together and drawn from as one."""

    tokens: Folders = Field(exclude=True, min_length=1)
    """Folder of a tokens set, or a list of folders. The plan's lineage records their content, not their paths."""

    documents: Folders = Field(default_factory=list, exclude=True)
    """The documents sets that were tokenized, in the same order. They hold the columns that `split`, `repeats` and `order` name."""

    max_epochs: float = Field(1.0, gt=0)
    """Upper limit of epochs over this source: tokens drawn divided by tokens available. 1 means no repeats; up to 4 cost little (arXiv 2305.16264).
    Below 1 it is the largest fraction of the source that may be used."""

    max_tokens: Tokens | None = None
    """Upper limit of tokens drawn from this source in the whole run. null: no such limit."""

    split: str | None = None
    """Column of the documents, such as a topic. Each value becomes a source of its own, `NAME.VALUE`; documents without a value become `NAME.none`.
    Values that cannot name a folder get a hash (`mix.group_names`). A weight for NAME is divided among its groups by size; weights for
    `NAME.VALUE` take precedence."""

    repeats: RepeatsRecipe | None = None
    """Documents that appear several times in an epoch. null: each once."""

    order: OrderRecipe | None = None
    """null: a different random order in each epoch."""

    @model_validator(mode="after")
    def _columns_need_documents(self) -> "SourceRecipe":
        if self.columns and not self.documents:
            raise ValueError(f"{', '.join(self.columns)}: these are columns of documents; give the documents sets that were tokenized as `documents`")
        return self

    @property
    def columns(self) -> list[str]:
        """Columns of the documents that this source needs."""
        by = self.order.by if self.order else None
        needed = {self.split, self.repeats and self.repeats.column, {"n_tokens": None, "fertility": "n_words"}.get(by or "", by)}
        return sorted(name for name in needed if name)


class StageRecipe(Recipe):
    """A part of training with its own weights."""

    name: str = "all"
    """Shown in previews and reports."""

    tokens: Tokens | None = None
    """Real (non-pad) tokens of the stage: 20000000, 20M or 1.5B. Optional if `amounts` already give the length."""

    weights: dict[str, Weight] = Field(default_factory=dict)
    """Relative weight of each source; shares count real tokens. A number; {from: a, to: b, curve: cosine}; {points: [[0, a], [0.5, b]]}, linear
    from point to point; or {steps: [[0, a], [0.5, b]]}. Weights that are all below 1 are shares and must sum to 1. Sources without a weight are
    not drawn."""

    amounts: dict[str, Annotated[Tokens | EpochsRecipe, BeforeValidator(_read_budget)]] = Field(default_factory=dict)
    """Tokens that a source contributes to this stage, evenly spread: 5B, or `2 epochs`. `weights` divide what amounts leave of `tokens`."""

    temperature: float | None = Field(None, gt=0)
    """Multiplies each weight by size ** (1 / temperature), size in tokens. Without `weights` every source has weight 1 before that. 1: by size;
    towards infinity: equal weights (arXiv 1907.05019). null: sizes don't matter."""

    row_tokens: Tokens | None = Field(None, ge=2, le=1 << 20)
    """Tokens per row in this stage, for training whose sequences grow longer; null: the mix's `row_tokens`. Sources are packed once for each length."""

    passes: int = Field(1, ge=1, le=1000)
    """How many times the stage is repeated in a row. Shares stay the same, and each pass takes the next rows."""

    @field_validator("weights")
    @classmethod
    def _weights_are_positive(cls, weights: dict[str, Weight]) -> dict[str, Weight]:
        positions = np.unique([0.0, 1.0, *(position for weight in weights.values() for position in knots(weight))])
        for before in (False, True):
            values = np.stack([weight_at(weight, positions, before=before) for weight in weights.values()]) if weights else np.ones((1, 1))
            total = values.sum(axis=0)
            wrong = np.flatnonzero(~((values >= 0).all(axis=0) & (total > 0) & np.isfinite(total)))
            if len(wrong):
                raise ValueError(f"weights at {_position_name(positions[wrong[0]])} of the stage must be 0 or more with a finite sum above 0")
        return weights

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "StageRecipe":
        # 0.7 and 0.2 is more often a slip than a wish for 7 : 2, and would silently change every share.
        if self.temperature is not None or len(self.weights) < 2:
            return self
        positions = np.unique([0.0, 1.0, *(position for weight in self.weights.values() for position in knots(weight))])
        values = np.stack([weight_at(weight, positions, before=before) for before in (False, True) for weight in self.weights.values()])
        totals = values.reshape(2, -1, len(positions)).sum(axis=1).ravel()
        worst = float(totals[np.abs(totals - 1).argmax()])
        if values.max() < 1 and abs(worst - 1) > _SUM_SLACK:
            raise ValueError(
                f"weights: all below 1, so they are shares, but they sum to {worst:.4g}; make them sum to 1, or write relative weights of at least 1"
            )
        return self

    @model_validator(mode="after")
    def _has_length_and_sources(self) -> "StageRecipe":
        shared = bool(self.weights) or self.temperature is not None
        if not shared and not self.amounts:
            raise ValueError("weights: required, unless amounts or a temperature is given")
        if shared and self.tokens is None:
            raise ValueError("tokens: required, as weights are relative")
        if self.amounts and not shared and self.tokens is not None:
            raise ValueError("tokens: without weights the length of the stage is the sum of its amounts; leave tokens out, or give weights for the rest")
        return self


def _position_name(part: float) -> str:
    return {0.0: "the beginning", 1.0: "the end"}.get(part, f"{part:g}")


class ExtendsRecipe(Recipe):
    """The mix that this one continues: its first rows come first, and the stages of this recipe after them."""

    mix: Path = Field(exclude=True)
    """Folder of a built mix. The plan records its content, not its path."""

    rows: int = Field(ge=1)
    """Number of its first rows that stay as they are: the row at which a training run is to go on. `mix extend` takes it from a step or a checkpoint."""


class MixRecipe(Recipe):
    """Recipe of `mix preview` and `mix build`.

    A mix of one stage may have the keys of the stage at the top level instead of `stages`.
    """

    name: str
    """Name of the mix."""

    seed: int = Field(0, ge=0)
    """Decides the order of rows within each source and epoch, nothing else."""

    row_tokens: Tokens = Field(1024, ge=2, le=1 << 20)
    """Tokens per row: the sequence length of training."""

    packing: Literal["best_fit", "concat"] = "best_fit"
    """best_fit: no document that fits in a row is cut (arXiv 2404.10830). concat: documents end to end, cut where rows end."""

    sources: dict[str, SourceRecipe] = Field(min_length=1)
    """Sources by name. Names become folder names, and label loss and shares in all reports."""

    stages: list[StageRecipe] = Field(min_length=1)
    """Stages in training order."""

    extends: ExtendsRecipe | None = None
    """A mix whose first rows come before these stages. Its sources must be listed with the same tokens, packing and order; one without a weight is
    no longer drawn. New sources may be added. `max_epochs` and `max_tokens` count what these rows gave. null: the mix begins with its stages."""

    cap: Literal["refuse", "spill"] = "refuse"
    """What happens when a source has fewer tokens than its weights request. refuse: the mix is refused. spill: the source contributes all it may,
    spread over its stages as requested, and the other sources divide the rest by their weights."""

    max_synthetic: float | None = Field(None, ge=0, le=1, exclude=True)
    """Largest share of the mix's tokens that may come from documents which `curate synthesize` made; a mix with more is refused. null: no limit. Half
    (WRAP, arXiv 2401.16380) and a fifth (Llama-3-SynE, arXiv 2407.18743) have been used."""

    history: list[dict[str, Any]] = Field(default_factory=list)
    """Where the weights came from: one entry for each `mix reweight`, kept in the plan."""

    out: Path = Field(Path("mix"), exclude=True)
    """Output folder."""

    rows: Path | None = Field(None, exclude=True)
    """Folder in which mixes of the same sources share packed rows. null: each output folder has its own."""

    workers: int = Field(1, ge=1, exclude=True)
    """Processes that pack and write rows. The result does not depend on it."""

    @model_validator(mode="before")
    @classmethod
    def _single_stage(cls, raw: Any) -> Any:
        stage_keys = {"tokens", "weights", "amounts", "temperature", "passes"}
        if not isinstance(raw, dict) or "stages" in raw or not stage_keys & raw.keys():
            return raw
        return {key: value for key, value in raw.items() if key not in stage_keys} | {"stages": [{key: raw[key] for key in raw if key in stage_keys}]}

    @field_validator("sources")
    @classmethod
    def _names_are_folder_names(cls, sources: dict[str, SourceRecipe]) -> dict[str, SourceRecipe]:
        for name in sources:
            problem = name_problem(name)
            if problem:
                raise ValueError(f"source {name!r}: names of sources become folder names, and {problem}")
            if len(name.encode()) > _MOST_NAME_BYTES:
                raise ValueError(f"source {name!r}: names of sources have at most {_MOST_NAME_BYTES} bytes")
        return sources

    @field_validator("stages")
    @classmethod
    def _stages_name_sources(cls, stages: list[StageRecipe], info: ValidationInfo) -> list[StageRecipe]:
        known = info.data.get("sources", {})
        group_prefixes = tuple(f"{name}." for name, source in known.items() if source.split)
        named = {name for stage in stages for name in (*stage.weights, *stage.amounts)}
        unknown = sorted(name for name in named if name not in known and not (group_prefixes and name.startswith(group_prefixes)))
        if known and unknown:
            raise ValueError(f"weights for {', '.join(unknown)}, but the sources are {', '.join(known)}")
        repeated = sorted({name for stage in stages for name in stage.weights if name in stage.amounts})
        if repeated:
            raise ValueError(f"{', '.join(repeated)}: has both a weight and an amount in one stage; give one of them")
        return stages
