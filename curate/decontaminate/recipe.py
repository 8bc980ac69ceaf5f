"""The section of the recipe on evaluation sets: which items, how they are found, and what happens to documents that hold them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from shards.recipe import Recipe

EvalFormat = Literal["auto", "jsonl", "json", "csv", "tsv", "parquet", "text"]


class EvalRecipe(Recipe):
    """An evaluation set: files with one item a row. A path alone means the set with all defaults."""

    path: str
    """A file, a folder (all files in it), or a glob. Plain, .gz, .bz2 or .zst."""
    name: str = ""
    """Name in reports. Default: the file's or folder's name."""
    format: EvalFormat = "auto"
    """`auto` uses each file's extension."""
    columns: tuple[str, ...] = ()
    """Columns that hold an item's text (question, choices, answer, …), in this order; lists and objects give all their strings. Empty: all columns."""
    header: bool = True
    """CSV, TSV: the first row names the columns. false: they are called 0, 1, 2, …"""
    lines: Annotated[int, Field(ge=1)] = 1
    """Text: lines per item."""

    @model_validator(mode="before")
    @classmethod
    def _name(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"path": value}
        if isinstance(value, dict) and isinstance(value.get("path"), str) and not value.get("name"):
            parts = [part for part in Path(value["path"]).parts if not any(char in part for char in "*?[/")]
            value = {**value, "name": parts[-1].split(".")[0] if parts else "eval"}
        return value


class BoilerplateRecipe(Recipe):
    """Frequent n-grams, such as those of a licence or a prompt, contaminate nothing (the rule of the marin project)."""

    documents: Annotated[int, Field(ge=1)] = 50
    """Fewest documents that hold an n-gram for it to count as boilerplate, together with `sources`."""
    sources: Annotated[int, Field(ge=1)] = 3
    """Fewest sources that these documents come from. In a run with fewer sources, nothing is boilerplate."""


class DecontaminateRecipe(Recipe):
    """Documents that hold evaluation items are found by n-grams of words of the simplified text (`curate.words.simplify`), question text included."""

    evals: Annotated[tuple[EvalRecipe, ...], Field(min_length=1)]
    """Evaluation sets."""
    ngram: Annotated[int, Field(ge=2, le=64)] = 13
    """Words in an n-gram. 13 is GPT-3's (Brown et al. 2020, appendix C). In scripts without spaces each character counts as a word."""
    min_words: Annotated[int, Field(ge=2, le=64)] = 8
    """Items shorter than an n-gram match as a whole if they have at least this many words. Shorter ones cannot be found; they are counted."""
    min_ngrams: Annotated[int, Field(ge=1)] = 1
    """Fewest n-grams of an item that make a document contaminated."""
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Smallest share of an item's n-grams that makes a document contaminated. 0: `min_ngrams` alone decides."""
    boilerplate: BoilerplateRecipe | None = BoilerplateRecipe()
    """Frequent n-grams that do not count; null: every n-gram counts."""
    action: Literal["drop", "cut"] = "drop"
    """Drop the document, or cut out the stretches that match."""
    max_cut: Annotated[float, Field(ge=0, le=1)] = 0.3
    """With `cut`: documents that would lose a larger share of their bytes are dropped."""

    @model_validator(mode="after")
    def _orders(self) -> "DecontaminateRecipe":
        if self.min_words > self.ngram:
            raise ValueError(f"min_words {self.min_words} is more than ngram {self.ngram}")
        names = [given.name for given in self.evals]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two evals are called {repeated[0]}; set `name` of one of them")
        return self
