"""What is looked for, how, and what happens to a document that holds it."""

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
    """What reports call it. Default: the file's or folder's name."""
    format: EvalFormat = "auto"
    """`auto` goes by each file's extension."""
    columns: tuple[str, ...] = ()
    """Columns that hold an item's text (question, choices, answer, …), in this order; lists and objects give all strings in them. Empty: all."""
    header: bool = True
    """CSV, TSV: the first row names the columns; without, they are called 0, 1, 2, …"""
    lines: Annotated[int, Field(ge=1)] = 1
    """Text: lines that make up an item."""

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
    """N-grams that are everywhere, such as a licence or the words of a prompt, contaminate nothing (the rule of the marin project)."""

    documents: Annotated[int, Field(ge=1)] = 50
    """An n-gram in at least so many documents …"""
    sources: Annotated[int, Field(ge=1)] = 3
    """… of at least so many sources does not count. With fewer sources in the run, nothing is boilerplate."""


class DecontaminateRecipe(Recipe):
    """Documents that hold evaluation items: n-grams of words of the simplified text (`curate.words.simplify`), question text included."""

    evals: Annotated[tuple[EvalRecipe, ...], Field(min_length=1)]
    """Evaluation sets."""
    ngram: Annotated[int, Field(ge=2, le=64)] = 13
    """Words in an n-gram. 13 is GPT-3's (Brown et al. 2020, appendix C). Where words are written without spaces each character counts as one."""
    min_words: Annotated[int, Field(ge=2, le=64)] = 8
    """Items shorter than an n-gram match as a whole if they have so many words; shorter ones cannot be found, and are counted."""
    min_ngrams: Annotated[int, Field(ge=1)] = 1
    """Least number of an item's n-grams in a document."""
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Least share of an item's n-grams in a document. 0: one n-gram is enough."""
    boilerplate: BoilerplateRecipe | None = BoilerplateRecipe()
    """null: every n-gram counts."""
    action: Literal["drop", "cut"] = "drop"
    """Drop the document, or cut the stretches that match out of it."""
    max_cut: Annotated[float, Field(ge=0, le=1)] = 0.3
    """With `cut`: documents that would lose a larger share of their bytes are dropped."""

    @model_validator(mode="after")
    def _orders(self) -> "DecontaminateRecipe":
        if self.min_words > self.ngram:
            raise ValueError(f"min_words {self.min_words} is more than ngram {self.ngram}")
        names = [one.name for one in self.evals]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two evals are called {twice[0]}; give one of them a name")
        return self
