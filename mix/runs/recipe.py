"""The part of a recipe that says which tables of runs are the evidence."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mix.runs.table import KINDS
from shards.recipe import Recipe

Kind = Literal["trained", "merged", "confirmation"]
assert set(KINDS) == {"trained", "merged", "confirmation", "base"}


class RunsRecipe(Recipe):
    """Tables of runs, and how their sources and domains belong together."""

    runs: list[Path] = Field(min_length=1)
    """Tables of runs, oldest first: .csv, .jsonl or .parquet files, or folders with Olmix's ratios.csv and metrics.csv."""
    kinds: list[Kind] = ["trained", "confirmation"]
    """Kinds of runs to use; rows of the base model are always used. Losses of merged experts are not those of trained models, so they are left out by
    default."""
    rename: dict[str, str] = {}
    """New names of sources and domains: `{old: new}`. Two sources renamed to one name become one source with the sum of their shares."""
    content: Literal["check", "ignore"] = "check"
    """check: leave out runs that were trained on a source's older content, which is known by the hash of its tokens; ignore: use them as if nothing had
    changed."""
    domains: dict[str, str] = {}
    """The source that a domain's text comes from, where its name is another: `{domain: source}`. By default a domain comes from the source of its name,
    and from no source if none has its name."""
