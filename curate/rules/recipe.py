"""The recipe of rule sets."""

from typing import Literal

from pydantic import model_validator

from shards.recipe import Recipe


class RuleSetRecipe(Recipe):
    """A rule set, and what is changed in it. A name alone means the set as it is."""

    name: str
    """A shipped rule set (`curate rules` lists them) or the path of a YAML file."""
    thresholds: dict[str, float] = {}
    """Rule name → threshold in place of the rule set's own."""
    skip: tuple[str, ...] = ()
    """Rules of the set that are not applied."""
    unknown_language: Literal["keep", "drop"] = "keep"
    """For sets with thresholds by language: what to do with documents in languages without any. `keep`: the set does not judge them."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value
