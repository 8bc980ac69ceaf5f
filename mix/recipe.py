"""The mix recipe: sources of tokens, and stages with the share of tokens that each source has in them."""

import re
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from shards.recipe import Recipe

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_AMOUNT = re.compile(r"([\d_]*\.?\d+)\s*([KMBT]?)", re.IGNORECASE)


class SourceRecipe(Recipe):
    """One source: token shard sets that are packed together and drawn from as one."""

    tokens: list[Path] = Field(exclude=True, min_length=1)
    """Folder of a tokens set, or a list of them; their content is in the lineage, their place does not count."""

    max_epochs: float = Field(1.0, gt=0)
    """Most epochs over this source, in tokens drawn per token there is. 1 means no repeats; up to 4 cost little (arXiv 2305.16264)."""

    @field_validator("tokens", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | Path) else value


class Ramp(Recipe):
    """A weight that goes linearly over its stage, in tokens."""

    model_config = ConfigDict(validate_by_name=True)

    start: float = Field(alias="from", ge=0)
    """Weight at the beginning of the stage."""

    to: float = Field(ge=0)
    """Weight at its end."""


class StageRecipe(Recipe):
    """A stretch of training with its own weights."""

    name: str = "all"
    """Shown in previews and reports."""

    tokens: int = Field(gt=0)
    """Real (non-pad) tokens of the stage: 20000000, 20M or 1.5B."""

    weights: dict[str, float | Ramp] = Field(min_length=1)
    """Weight of each source, or {from: a, to: b}; relative: divided by their sum at the beginning and at the end of the stage,
    and linear in between. Shares count real tokens. Sources without a weight are not drawn."""

    @field_validator("tokens", mode="before")
    @classmethod
    def _read_amount(cls, value: Any) -> Any:
        match = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
        return round(float(match[1].replace("_", "")) * _UNITS[match[2].upper()]) if match else value

    @field_validator("weights")
    @classmethod
    def _weights_mean_something(cls, weights: dict[str, float | Ramp]) -> dict[str, float | Ramp]:
        for end in (0, 1):
            ends = [ends_of(weight)[end] for weight in weights.values()]
            if min(ends) < 0 or not 0 < sum(ends) < float("inf"):
                raise ValueError(f"weights at the {('beginning', 'end')[end]} of the stage must be 0 or more with a finite sum above 0")
        return weights

    def ends(self, source: str) -> tuple[float, float]:
        """Weight of a source at the beginning and at the end of the stage; zeros if it has none."""
        return ends_of(self.weights.get(source, 0.0))


class MixRecipe(Recipe):
    """What `mix preview` and `mix build` take.

    A mix of one stage may have `tokens` and `weights` at the top in place of `stages`.
    """

    name: str
    """Name of the mix."""

    seed: int = Field(0, ge=0)
    """Decides the order of rows inside each source and epoch, nothing else."""

    row_tokens: int = Field(1024, ge=2, le=1 << 20)
    """Tokens per row: the sequence length of training."""

    sources: dict[str, SourceRecipe] = Field(min_length=1)
    """Sources by name; names are folder names, and label loss and shares in all reports."""

    stages: list[StageRecipe] = Field(min_length=1)
    """Stages in the order in which they are trained."""

    out: Path = Field(Path("mix"), exclude=True)
    """Output folder."""

    rows: Path | None = Field(None, exclude=True)
    """Folder in which packed rows are shared between mixes of the same sources; without it each output folder has its own."""

    workers: int = Field(1, ge=1, exclude=True)
    """Processes that pack and write rows; the result does not depend on it."""

    @model_validator(mode="before")
    @classmethod
    def _single_stage(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or "stages" in raw or not {"tokens", "weights"} & raw.keys():
            return raw
        stage = {key: raw[key] for key in ("tokens", "weights") if key in raw}
        return {key: value for key, value in raw.items() if key not in stage} | {"stages": [stage]}

    @field_validator("sources")
    @classmethod
    def _names_are_folder_names(cls, sources: dict[str, SourceRecipe]) -> dict[str, SourceRecipe]:
        for name in sources:
            if not re.fullmatch(r"\w[\w.+-]*", name):
                raise ValueError(f"source {name!r}: names are letters, digits, and . _ + - after the first, as they name folders")
        return sources

    @field_validator("stages")
    @classmethod
    def _weights_name_sources(cls, stages: list[StageRecipe], info: ValidationInfo) -> list[StageRecipe]:
        known = info.data.get("sources", {})
        strangers = sorted({name for stage in stages for name in stage.weights if name not in known})
        if known and strangers:
            raise ValueError(f"weights for {', '.join(strangers)}, but the sources are {', '.join(known)}")
        return stages


def ends_of(weight: float | Ramp) -> tuple[float, float]:
    """A weight at the beginning and at the end of its stage."""
    return (weight.start, weight.to) if isinstance(weight, Ramp) else (weight, weight)
