"""The recipe of `mix fit`."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from mix.runs.recipe import RunsRecipe


class FitRecipe(RunsRecipe):
    """Which laws to fit to which losses of a table of runs, and how they are tested and chosen."""

    law: str | dict[str, str] = "auto"
    """auto: for each domain the law that predicts held-out losses best; a law's name: that law, for all domains; or `{domain: law}`, where domains that are
    not named get auto."""
    laws: list[str] | None = Field(None, min_length=1)
    """Laws that auto chooses from. null: all."""
    losses: list[str] | None = Field(None, min_length=1)
    """Domains whose losses are fitted. null: all domains of the table."""
    choose_by: Literal["auto", "ratio", "size", "step"] = "auto"
    """Held-out losses that auto chooses by: those of ratios that were left out (for choosing a ratio), of the largest model size (for a larger model), or of
    the last third of each run (for longer training). auto: ratio if there are at least 3 ratios, else size, else step."""
    n_resamples: int = Field(200, ge=20)
    """Fits to resampled losses, from which intervals of predictions are taken; laws of trees use at most 20, because one takes as long as their first fit."""
    confidence: float = Field(0.95, gt=0, lt=1)
    """Probability that an interval covers."""
    seed: int = Field(0, ge=0)
    """Of the starts of fits, of the groups of held-out ratios, and of resampling."""
    workers: int = Field(1, ge=1, exclude=True)
    """Processes, each of which fits one law to one domain. The result does not depend on it."""
    out: Path | None = Field(None, exclude=True)
    """Folder to write fit.json, runs.csv and resamples.json to."""

    @field_validator("runs", mode="before")
    @classmethod
    def _one_table(cls, value: Any) -> Any:
        return [value] if isinstance(value, str | Path) else value
