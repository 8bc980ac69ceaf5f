"""Ratios to run, in a file: the next experiments that `mix suggest` proposes, a confirmation of its suggestion, or a list written by hand."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from shards.recipe import Recipe, load_recipe

_SUM_SLACK = 1e-3


class PointRecipe(Recipe):
    """One ratio."""

    shares: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    """Share of real tokens by source; they sum to 1. Sources that are left out get none."""

    repeats: int | None = Field(None, ge=1)
    """Runs at this ratio, each with another seed. null: 1, or those of `seeds` in the recipe of `mix proxies`."""

    why: str = ""
    """Why it is worth running; only for readers."""

    @field_validator("shares")
    @classmethod
    def _sum_to_one(cls, shares: dict[str, float]) -> dict[str, float]:
        total = sum(shares.values())
        if abs(total - 1) > _SUM_SLACK:
            raise ValueError(f"the shares sum to {total:.6g}, not to 1{'; they look like percentages' if abs(total - 100) <= 100 * _SUM_SLACK else ''}")
        return shares


class PointsFileRecipe(Recipe):
    """A file of ratios to run (YAML or JSON)."""

    kind: Literal["trained", "confirmation"] = "trained"
    """confirmation: the runs test a suggestion, and are marked so in the table of runs."""

    points: list[PointRecipe] = Field(min_length=1)
    """The ratios."""


def read_points(path: Path) -> PointsFileRecipe:
    """The ratios in a file. Raises RecipeError that lists every fault."""
    return load_recipe(path, PointsFileRecipe)
