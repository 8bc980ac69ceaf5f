"""The recipe of `curate run`: its keys with units, ranges and the source of defaults."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from curate.decontaminate.recipe import DecontaminateRecipe
from curate.dedup.recipe import DedupRecipe
from curate.engines.recipe import EngineRecipe
from curate.languages.recipe import LanguageRecipe
from curate.lists.recipe import ListsRecipe
from curate.models.recipe import ModelRecipe
from curate.read.recipe import InputRecipe
from curate.rewrite.recipe import RewriteRecipe
from curate.rules.recipe import RuleSetRecipe
from shards.recipe import Recipe


class HeldOutRecipe(Recipe):
    """A share of the kept documents held out for evaluation. The choice depends only on content and salt."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of kept documents, e.g. 0.02."""
    max_documents: Annotated[int, Field(ge=0)] | None = None
    """Upper limit; the documents with the smallest hashes are taken."""
    salt: str = "held_out"
    """Changes which documents are chosen."""


class CurateRecipe(Recipe):
    """Everything `curate run` needs."""

    name: str
    """Name of the corpus in reports."""
    seed: int = 0
    """Seed of the examples in the report. Nothing else is random."""
    inputs: Annotated[tuple[InputRecipe, ...], Field(min_length=1)]
    """Where documents come from, in this order."""
    keep_http_status: tuple[Annotated[int, Field(ge=100, le=999)], ...] | None = (200,)
    """Web archives: HTTP statuses to keep; others, such as error pages, are dropped by `http/status`. null: all. Documents without `http_status`
    in their metadata are not judged."""
    unicode: Literal["fix", "normalize", "off"] = "fix"
    """`fix`: mojibake, HTML entities, control characters, line breaks, with datatrove's settings of ftfy. `normalize`: all that ftfy's
    fix_text does, so also straight quotes, half-width forms and NFC; not for Chinese or Japanese."""
    rewrite: RewriteRecipe = RewriteRecipe()
    """Changes to texts before they are measured."""
    language: LanguageRecipe | None = LanguageRecipe()
    """null: languages are not identified (source code)."""
    words: str = "spacy:en"
    """The word splitter that signals and MinHash share: `spacy:LANGUAGE` (`spacy:xx` for any with spaces), `icu:LANGUAGE`, `jieba:zh`, `newmm:th`,
    `sudachi:ja`, `kiwi:ko`, `characters`. `auto`: by each document's language, ICU where words have no spaces; `auto:datatrove`: those that FineWeb2 used."""
    models: tuple[ModelRecipe, ...] = ()
    """Classifiers, importance weights and language models whose scores become signals, read by rules like any other."""
    rules: tuple[RuleSetRecipe, ...] = (RuleSetRecipe(name="gopher_quality"), RuleSetRecipe(name="gopher_repetition"), RuleSetRecipe(name="fineweb"))
    """Rule sets by name or path. All are applied to every document; none hides another. [] drops nothing by rule."""
    signals: tuple[str, ...] = ()
    """Groups of signals to measure for later decisions, besides the default ones and those that `rules` read: `code`, `maths`, …, or the path
    of a Python file with signals of your own (docs/reference/rules.md)."""
    lists: ListsRecipe = ListsRecipe()
    """Lists of URLs and words; the rule sets `url_lists` and `bad_words` use them."""
    decontaminate: DecontaminateRecipe | None = None
    """Evaluation sets that documents must not contain."""
    dedup: DedupRecipe = DedupRecipe()
    """Removal of duplicates."""
    held_out: HeldOutRecipe = HeldOutRecipe()
    """Documents held out for evaluation."""
    keep_columns: tuple[str, ...] = ()
    """Metadata keys that become columns of the documents, as strings."""
    keep_signals: tuple[str, ...] = ()
    """Measured columns that become columns of the documents, e.g. a topic or a quality score."""
    out: str = Field(default="", exclude=True)
    """Output folder."""
    workers: Annotated[int, Field(ge=1)] = Field(default=1, exclude=True)
    """Processes. The result does not depend on it."""
    engine: EngineRecipe = Field(default=EngineRecipe(), exclude=True)
    """Where tasks run: this machine, Slurm, or Ray. The result does not depend on it."""

    @field_validator("keep_columns")
    @classmethod
    def _no_clash(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        taken = {"id", "text", "source", "language", "url", "metadata", "file", "row", "cluster_size"} & set(value)
        if taken:
            raise ValueError(f"{', '.join(sorted(taken))}: documents already have a column of this name")
        return value
