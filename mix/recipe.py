"""The mix recipe: sources of tokens, and stages with the share of tokens that each source has in them."""

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
"""Of a source's name, which a group's value and a hash may follow in the name of a folder."""

_SUM_SLACK = 0.015
"""What rounding to two digits may leave: three times 0.33."""


def _read_budget(value: Any) -> Any:
    match = _EPOCHS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return {"epochs": float(match[1])}
    return parse_tokens(value) if isinstance(value, str) else value


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


Folders = Annotated[list[Path], BeforeValidator(_one_or_many)]


class EpochsRecipe(Recipe):
    """An amount of tokens given in epochs over the source: `2 epochs`."""

    epochs: float = Field(gt=0)
    """Tokens asked per token there is."""


class RepeatsRecipe(Recipe):
    """How often each document is in an epoch (rehydration, FineWeb2 arXiv 2506.20920)."""

    column: str = "cluster_size"
    """Column of the documents; `curate` writes `cluster_size`, the number of copies that a document stands for."""

    times: dict[int | float | str, Annotated[int, Field(ge=0)]] | None = None
    """Repeats by the largest number not above the column's, as in {1: 1, 2: 3, 17: 10}, once below the smallest; or by ranges that leave nothing out, as in
    {"<0.5": 0, "0.5..0.9": 1, ">=0.9": 4}, upper ends excluded; or the path of the `rehydration.json` that `curate rehydrate` wrote; null: the
    column itself says how often. 0 leaves a document out, and one without a value is seen once."""

    @field_validator("times", mode="before")
    @classmethod
    def _read_weights(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return _numbers_as_such(value)
        if not isinstance(value, str):
            return value
        try:
            return _numbers_as_such(read_record(Path(value), dict[str, Any], remedy="rerun `curate rehydrate`")["weights"])
        except (OSError, ShardError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{value} is not the rehydration.json of a `curate rehydrate` ({type(error).__name__}: {error})") from None


def _numbers_as_such(table: dict[Any, Any]) -> dict[Any, Any]:
    """Keys that JSON or an override gave as text, as the numbers that they are. Raises ValueError for the same number twice, and as `repeat_ranges`."""
    found: dict[Any, Any] = {}
    for key, value in table.items():
        number = key
        if isinstance(key, str):
            with suppress(ValueError):
                number = int(key) if key.strip().lstrip("+-").isdecimal() else float(key)
        if number in found:
            raise ValueError(f"{number} stands twice")
        found[number] = value
    repeat_ranges(found)
    return found


class OrderRecipe(Recipe):
    """An order of a source's rows by a score of its documents, for curricula. Each epoch still gives every row once."""

    by: str
    """Column of the documents (`perplexity`, `compression_ratio`, …), or `n_tokens`, or `fertility` (tokens per word; needs the column `n_words`)."""

    direction: Literal["up", "down"] = "up"
    """up: from the smallest score to the largest. Low to high perplexity beat the reverse and no order in Llama-3-SynE (arXiv 2407.18743)."""

    pacing: Literal["sorted", "groups", "linear", "quadratic", "inverse_quadratic", "interleaved"] = "sorted"
    """sorted: by score alone. groups: one group after another, shuffled inside. linear, quadratic, inverse_quadratic: groups are opened at
    that pace, and rows drawn at random from all that is open. interleaved: `groups` passes, each from the first score to the last (arXiv 2506.11300)."""

    groups: int = Field(10, ge=1, le=1000)
    """Difficulty groups of equal numbers of rows, or passes if interleaved. 10 as in arXiv 2506.11300."""

    start: float = Field(0.1, ge=0, le=1)
    """Part of the rows that is open at the beginning, for the three paces. Default ours."""

    part: float = Field(1.0, gt=0, le=1)
    """Part of an epoch that follows the order, with so much of every group; the rest of the epoch comes at random. For a curriculum as a
    warm-up, or over a source that gives less than an epoch and would otherwise never come to its last groups."""

    window: int | None = Field(None, ge=16)
    """Documents packed together. The order survives to within a window; a larger one pads less. null: a hundredth of the documents, but
    64 to 4,096. Default ours."""

    @model_validator(mode="after")
    def _parts_are_of_groups(self) -> "OrderRecipe":
        if self.part < 1 and self.pacing in ("sorted", "interleaved"):
            raise ValueError(f"part: pacing {self.pacing} orders whole epochs; use groups or a pace for a part of one")
        return self


class SourceRecipe(Recipe):
    """One source: token shard sets that are packed together and drawn from as one."""

    tokens: Folders = Field(exclude=True, min_length=1)
    """Folder of a tokens set, or a list of them; their content is in the lineage, their place does not count."""

    documents: Folders = Field(default_factory=list, exclude=True)
    """The documents sets that were tokenized, in the same order: where the columns lie that `split`, `repeats` and `order` name."""

    max_epochs: float = Field(1.0, gt=0)
    """Most epochs over this source, in tokens drawn per token there is. 1 means no repeats; up to 4 cost little (arXiv 2305.16264).
    Below 1 it is the largest part of the source that may be used."""

    max_tokens: Tokens | None = None
    """Most tokens drawn from this source in the whole run. null: no such cap."""

    split: str | None = None
    """Column of the documents, such as a topic: each of its values becomes a source of its own, `NAME.VALUE`, and documents without one `NAME.none`.
    Values that cannot name a folder get a hash (`mix.group_names`). A weight for NAME is shared among them by size; weights for `NAME.VALUE` go first."""

    repeats: RepeatsRecipe | None = None
    """Documents that are several times in an epoch. null: each once."""

    order: OrderRecipe | None = None
    """null: another random order in each epoch."""

    @model_validator(mode="after")
    def _columns_need_documents(self) -> "SourceRecipe":
        if self.columns and not self.documents:
            raise ValueError(f"{', '.join(self.columns)}: columns of documents; give the documents sets that were tokenized as `documents`")
        return self

    @property
    def columns(self) -> list[str]:
        """Columns of the documents that this source needs."""
        by = self.order.by if self.order else None
        needed = {self.split, self.repeats and self.repeats.column, {"n_tokens": None, "fertility": "n_words"}.get(by or "", by)}
        return sorted(name for name in needed if name)


class StageRecipe(Recipe):
    """A stretch of training with its own weights."""

    name: str = "all"
    """Shown in previews and reports."""

    tokens: Tokens | None = None
    """Real (non-pad) tokens of the stage: 20000000, 20M or 1.5B. May be left out if `amounts` says it all."""

    weights: dict[str, Weight] = Field(default_factory=dict)
    """Weight of each source, relative; shares count real tokens. A number; {from: a, to: b, curve: cosine}; {points: [[0, a], [0.5, b]]}, linear
    from point to point; or {steps: [[0, a], [0.5, b]]}. Weights that are all below 1 are shares, and must sum to 1. Sources without a weight are
    not drawn."""

    amounts: dict[str, Annotated[Tokens | EpochsRecipe, BeforeValidator(_read_budget)]] = Field(default_factory=dict)
    """Tokens that a source gives in this stage, evenly: 5B, or `2 epochs`. Weights share what amounts leave of `tokens`."""

    temperature: float | None = Field(None, gt=0)
    """Weights are multiplied by size ** (1 / temperature), size in tokens; without `weights` that is the weight of every source. 1: by size;
    towards infinity: all alike (arXiv 1907.05019). null: sizes don't matter."""

    passes: int = Field(1, ge=1, le=1000)
    """How often the stage is gone through, one after another. Shares stay, and each pass takes the rows that come next."""

    @field_validator("weights")
    @classmethod
    def _weights_mean_something(cls, weights: dict[str, Weight]) -> dict[str, Weight]:
        places = np.unique([0.0, 1.0, *(place for weight in weights.values() for place in knots(weight))])
        for before in (False, True):
            values = np.stack([weight_at(weight, places, before=before) for weight in weights.values()]) if weights else np.ones((1, 1))
            total = values.sum(axis=0)
            wrong = np.flatnonzero(~((values >= 0).all(axis=0) & (total > 0) & np.isfinite(total)))
            if len(wrong):
                raise ValueError(f"weights at {_place(places[wrong[0]])} of the stage must be 0 or more with a finite sum above 0")
        return weights

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> "StageRecipe":
        # 0.7 and 0.2 is more often a slip than a wish for 7 : 2, and would change every share without a word.
        if self.temperature is not None or len(self.weights) < 2:
            return self
        places = np.unique([0.0, 1.0, *(place for weight in self.weights.values() for place in knots(weight))])
        values = np.stack([weight_at(weight, places, before=before) for before in (False, True) for weight in self.weights.values()])
        totals = values.reshape(2, -1, len(places)).sum(axis=1).ravel()
        worst = float(totals[np.abs(totals - 1).argmax()])
        if values.max() < 1 and abs(worst - 1) > _SUM_SLACK:
            raise ValueError(
                f"weights: all below 1, so they are shares, but they sum to {worst:.4g}; make them sum to 1, or write relative weights as 1 and more"
            )
        return self

    @model_validator(mode="after")
    def _says_how_long_and_of_what(self) -> "StageRecipe":
        shared = bool(self.weights) or self.temperature is not None
        if not shared and not self.amounts:
            raise ValueError("weights: required, or amounts, or a temperature")
        if shared and self.tokens is None:
            raise ValueError("tokens: required, as weights are relative")
        if self.amounts and not shared and self.tokens is not None:
            raise ValueError("tokens: without weights the stage is as long as its amounts; leave tokens out, or give the weights that share the rest")
        return self


def _place(part: float) -> str:
    return {0.0: "the beginning", 1.0: "the end"}.get(part, f"{part:g}")


class MixRecipe(Recipe):
    """What `mix preview` and `mix build` take.

    A mix of one stage may have the keys of the stage at the top in place of `stages`.
    """

    name: str
    """Name of the mix."""

    seed: int = Field(0, ge=0)
    """Decides the order of rows inside each source and epoch, nothing else."""

    row_tokens: Tokens = Field(1024, ge=2, le=1 << 20)
    """Tokens per row: the sequence length of training."""

    packing: Literal["best_fit", "concat"] = "best_fit"
    """best_fit: no document that fits a row is cut (arXiv 2404.10830). concat: documents end to end, cut where rows end."""

    sources: dict[str, SourceRecipe] = Field(min_length=1)
    """Sources by name; names are folder names, and label loss and shares in all reports."""

    stages: list[StageRecipe] = Field(min_length=1)
    """Stages in the order in which they are trained."""

    cap: Literal["refuse", "spill"] = "refuse"
    """What happens if a source has less than its weights ask. refuse: the mix is refused. spill: the source gives what it may,
    spread over its stages as asked, and the others share the rest by their weights."""

    history: list[dict[str, Any]] = Field(default_factory=list)
    """How weights came about: one entry for each `mix reweight`, kept in the plan."""

    out: Path = Field(Path("mix"), exclude=True)
    """Output folder."""

    rows: Path | None = Field(None, exclude=True)
    """Folder in which packed rows are shared between mixes of the same sources; without it each output folder has its own."""

    workers: int = Field(1, ge=1, exclude=True)
    """Processes that pack and write rows; the result does not depend on it."""

    @model_validator(mode="before")
    @classmethod
    def _single_stage(cls, raw: Any) -> Any:
        own = {"tokens", "weights", "amounts", "temperature", "passes"}
        if not isinstance(raw, dict) or "stages" in raw or not own & raw.keys():
            return raw
        return {key: value for key, value in raw.items() if key not in own} | {"stages": [{key: raw[key] for key in raw if key in own}]}

    @field_validator("sources")
    @classmethod
    def _names_are_folder_names(cls, sources: dict[str, SourceRecipe]) -> dict[str, SourceRecipe]:
        for name in sources:
            problem = name_problem(name)
            if problem:
                raise ValueError(f"source {name!r}: sources name folders, and {problem}")
            if len(name.encode()) > _MOST_NAME_BYTES:
                raise ValueError(f"source {name!r}: names of sources have at most {_MOST_NAME_BYTES} bytes")
        return sources

    @field_validator("stages")
    @classmethod
    def _stages_name_sources(cls, stages: list[StageRecipe], info: ValidationInfo) -> list[StageRecipe]:
        known = info.data.get("sources", {})
        split = tuple(f"{name}." for name, source in known.items() if source.split)
        named = {name for stage in stages for name in (*stage.weights, *stage.amounts)}
        strangers = sorted(name for name in named if name not in known and not (split and name.startswith(split)))
        if known and strangers:
            raise ValueError(f"weights for {', '.join(strangers)}, but the sources are {', '.join(known)}")
        twice = sorted({name for stage in stages for name in stage.weights if name in stage.amounts})
        if twice:
            raise ValueError(f"{', '.join(twice)}: has both a weight and an amount in one stage; give one of them")
        return stages
