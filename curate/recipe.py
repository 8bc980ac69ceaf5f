"""The recipe of `curate run`: what a user may ask for, with units, ranges and where defaults come from."""

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from curate.decontaminate.recipe import DecontaminateRecipe
from curate.dedup.recipe import DedupRecipe
from curate.engines.recipe import EngineRecipe
from curate.extract.recipe import ExtractRecipe
from curate.lists.recipe import ListsRecipe
from curate.models.recipe import ModelRecipe
from curate.read.names import file_name
from curate.rewrite.recipe import RewriteRecipe
from shards.amounts import Bytes
from shards.errors import RecipeError
from shards.recipe import Recipe, load_recipe

Confidence = Annotated[float, Field(ge=0, le=1)]
Format = Literal["auto", "text", "lines", "markdown", "html", "jsonl", "json", "csv", "parquet", "arrow", "warc"]


class InputRecipe(Recipe):
    """One place documents come from."""

    path: str
    """A file, a folder (read recursively), or a glob with `*`, `?`, `**`."""
    source: str = ""
    """Name of the source in documents, reports and mixes. Default: the file's or folder's name."""
    format: Format = "auto"
    """`auto` goes by each file's extension; files that hold no text (images, archives, …) are then skipped and counted.
    `text` makes a file one document, `lines` each of its lines; `json` files hold an array, or objects. Folders that Hugging Face `datasets` saved are
    read as `arrow` or `parquet`."""
    text_column: str = "text"
    """JSON, CSV, Parquet, Arrow: the column that holds the text."""
    url_column: str = "url"
    """JSON, CSV, Parquet, Arrow, Markdown's front matter: the column that holds the address; left empty where there is none."""
    max_document_bytes: Bytes = 16 << 20
    """A document with more bytes of text is dropped (`read/too_long`). Each process needs some twenty times as much memory for its largest document."""
    encoding: str | None = None
    """Text, Markdown, JSON, CSV, HTML: Python's name of the encoding, e.g. `latin-1`, `gb18030`, `utf-16`. null: UTF-8, or what a byte order mark or
    a page says."""
    extract: ExtractRecipe = ExtractRecipe()
    """HTML and web archives (WARC, WET, ARC): how pages become text."""
    license: str = ""
    """Licence of the source; kept in the lineage, not interpreted."""

    @field_validator("path")
    @classmethod
    def _some_path(cls, value: str) -> str:
        if not value:
            raise ValueError("give a file, a folder or a pattern; `.` is the current folder")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        return None if value is None else encoding_name(value)

    @model_validator(mode="before")
    @classmethod
    def _name_source(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"path": value}
        if isinstance(value, dict) and isinstance(value.get("path"), str) and not value.get("source"):
            value = {**value, "source": source_name(value["path"])}
        return value


def encoding_name(name: str) -> str:
    """The encoding's name in Python. Raises ValueError for one that is unknown, or not one of text."""
    try:
        codec = codecs.lookup(name)
        # Those for host names (idna, punycode) cannot go on behind damaged bytes.
        if (
            not codec._is_text_encoding
            or codec.incrementaldecoder is None
            or codec.incrementaldecoder("backslashreplace").decode("a".encode(name), True) != "a"
        ):
            raise LookupError
    except (LookupError, UnicodeError, ValueError):
        raise ValueError("not a text encoding that Python knows; for example latin-1, cp1252, gb18030, shift_jis, utf-16") from None
    return codec.name


def source_name(path: str) -> str:
    """The name of a source by its path: the last part without wildcards, without extensions."""
    parts = [part for part in Path(path).parts if not any(char in part for char in "*?[/")]
    return file_name(re.sub(r"(\.[A-Za-z0-9]{1,8})+$", "", parts[-1])) if parts else "input"


class LanguageRecipe(Recipe):
    """Language identification."""

    model: str = "default"
    """`default` is embedded and needs no download; otherwise the path of any fastText model (lid.176, GlotLID)."""
    keep: tuple[str, ...] = ()
    """Languages to keep, as the model names them (`en`, or `eng_Latn` with GlotLID). Empty: all."""
    min_confidence: Confidence | Literal["fineweb2"] | dict[str, Confidence] = 0.0
    """Least probability of the most likely language; documents below are dropped. 0.65 is FineWeb's with lid.176. By language:
    `{default: 0.65, swh_Latn: 0.3}`, codes as the model or GlotLID has them. `fineweb2`: what FineWeb2 asks for with GlotLID, 0 where it has no figure."""
    max_bytes: Annotated[Bytes, Field(ge=64)] | None = None
    """Bytes by which a longer text is judged, in pieces from all over it. null: 1,024 with the default model, the whole text with fastText models,
    as FineWeb has it; there 2,048 change hardly an answer and save most of the time."""
    candidates: Annotated[float, Field(gt=0, le=1)] | None = None
    """Least probability of the languages listed in the signal `languages`, with their probabilities; FineWeb2 keeps those of 0.01. null: none."""


class RuleSetRecipe(Recipe):
    """A rule set with some thresholds changed."""

    name: str
    """A shipped rule set (`curate rules` lists them) or the path of a YAML file."""
    thresholds: dict[str, float] = {}
    """Rule name → threshold in place of the rule set's own."""
    skip: tuple[str, ...] = ()
    """Rules of the set that are not applied."""
    unknown_language: Literal["keep", "drop"] = "keep"
    """Sets with thresholds by language: what becomes of documents in languages without any. `keep`: the set does not judge them."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


class HeldOutRecipe(Recipe):
    """A share of the kept documents set aside for evaluation; which ones depends on content and salt alone."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of kept documents, e.g. 0.02."""
    max_documents: Annotated[int, Field(ge=0)] | None = None
    """At most so many: those whose hash is smallest."""
    salt: str = "held_out"
    """Changes which documents are chosen."""


class CurateRecipe(Recipe):
    """Everything `curate run` needs."""

    name: str
    """Name of the corpus; stands in the report."""
    seed: int = 0
    """Seed of the report's examples. Nothing else is drawn."""
    inputs: Annotated[tuple[InputRecipe, ...], Field(min_length=1)]
    """Where documents come from, in this order."""
    keep_http_status: tuple[Annotated[int, Field(ge=100, le=999)], ...] | None = (200,)
    """Web archives: answers of servers to keep; error pages have another status and are dropped under `http/status`. null: all. Documents whose
    metadata have no `http_status` are not judged by it."""
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
    """Groups of signals to measure beside those of the default rule sets and those that `rules` read, for later decisions: `code`, `maths`, …, or
    the path of a Python file with signals of your own (docs/reference/rules.md)."""
    lists: ListsRecipe = ListsRecipe()
    """Lists of addresses and of words; the rule sets `url_lists` and `bad_words` drop by them."""
    decontaminate: DecontaminateRecipe | None = None
    """Evaluation sets that must not be in the documents."""
    dedup: DedupRecipe = DedupRecipe()
    """Removal of copies."""
    held_out: HeldOutRecipe = HeldOutRecipe()
    """Documents set aside for evaluation."""
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
            raise ValueError(f"{', '.join(sorted(taken))}: documents have a column of this name already")
        return value


def load_curate_recipe(path: Path, overrides: Sequence[str], out: Path | None, workers: int | None) -> tuple[CurateRecipe, Path, int]:
    """The recipe, its output folder and number of processes; the command line goes before the recipe. Raises RecipeError."""
    recipe = load_recipe(path, CurateRecipe, overrides)
    if out is None and not recipe.out:
        raise RecipeError(f"{path}: no output folder; set `out` or give --out DIR")
    return recipe, out or Path(recipe.out), workers or recipe.workers
