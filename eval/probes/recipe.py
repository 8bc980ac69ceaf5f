"""Recipe of `evaluate probes`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from eval.probes.measures import HUMAN
from shards.amounts import Bytes, Tokens
from shards.held_out import DomainRecipe
from shards.recipe import Recipe

Share = Annotated[float, Field(gt=0, le=1)]


class GenerationRecipe(Recipe):
    """Continue the beginnings of held-out documents, greedily and by sampling, and look for repetition, loops and missing ends."""

    prompts: Annotated[int, Field(ge=2)] = 40
    """Prompts per domain, one a document. A verdict needs at least 15."""
    prompt_bytes: Annotated[Bytes, Field(ge=1)] = 200
    """Length of a prompt in bytes of UTF-8; it ends before a word where the text has blanks."""
    tokens: Annotated[Tokens, Field(ge=8)] = 64
    """Tokens to generate, at most; fewer where the model ends the text."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Temperature of the sampled continuation; 1: the model's own probabilities."""
    top_p: Share = 0.95
    """Sample from the smallest set of tokens that holds this share of the probability (nucleus sampling, Holtzman et al. 2020)."""


class LanguageRecipe(Recipe):
    """Share of generated lines that are not in the language of their document."""

    identifier: Literal["py3langid"] | Path = "py3langid"
    """Who names the language of a line: py3langid, or the path of a fastText model (`lid.176.ftz`, GlotLID; needs the package fasttext)."""
    expected: dict[str, str] = {}
    """Language by domain, as a code of the identifier; a domain that is not listed expects the `language` of each document."""
    min_letters: Annotated[int, Field(ge=1)] = 20
    """Lines with fewer letters are not judged: the language of short lines cannot be told reliably."""
    min_probability: Share = 0.8
    """A line counts as wrong only if the identifier is at least this sure of another language."""


class CopyingRecipe(Recipe):
    """Random tokens, twice in a row: how much better is the second copy predicted?"""

    sequences: Annotated[int, Field(ge=2)] = 40
    """Different random sequences."""
    length: Annotated[Tokens, Field(ge=4)] = 24
    """Tokens of a sequence, which the model reads twice."""


class InContextRecipe(Recipe):
    """Tasks on meaningless symbols, given by examples alone: does the model find the rule in the prompt?"""

    items: Annotated[int, Field(ge=1)] = 10
    """Questions of each of the tasks."""
    demonstrations: Annotated[int, Field(ge=2)] = 8
    """Solved examples before each question."""
    alternatives: Annotated[int, Field(ge=1, le=5)] = 3
    """Wrong answers that the right one is ranked among; chance is 1 / (1 + `alternatives`)."""


class ChatRecipe(Recipe):
    """Short instructions in the model's chat template: does the answer end its turn, keep the format asked for, and stay in its role?"""

    items: Annotated[int, Field(ge=1)] = 8
    """Questions of each of the formats."""
    tokens: Annotated[Tokens, Field(ge=4)] = 48
    """Tokens of an answer, at most."""


class CalibrationRecipe(Recipe):
    """Do predicted tokens come true as often as their probability says?"""

    bins: Annotated[int, Field(ge=2)] = 15
    """Bins of the calibration error, each with equally many tokens."""
    max_documents: Annotated[int, Field(ge=2)] = 60
    """Documents per domain; those with the smallest ids are taken."""
    bytes_per_document: Annotated[Bytes, Field(ge=16)] = 1000
    """Bytes read from the beginning of each document."""


class LowBitsRecipe(Recipe):
    """Score the models again with weights in low bits (bitsandbytes), to see who loses more. Needs the extra `lean`."""

    formats: Annotated[tuple[Literal["int8", "nf4"], ...], Field(min_length=1)] = ("int8", "nf4")
    """int8: LLM.int8() (arXiv 2208.07339). nf4: 4-bit NormalFloat (arXiv 2305.14314). Embeddings, norms and the output head keep their dtype."""
    max_documents: Annotated[int, Field(ge=2)] = 60
    """Documents per domain; those with the smallest ids are taken."""
    bytes_per_document: Annotated[Bytes, Field(ge=16)] = 1000
    """Bytes read from the beginning of each document."""


class DriftRecipe(Recipe):
    """How far weights moved from the baseline's, by layer and part."""

    rows: Annotated[int, Field(ge=0)] = 20
    """Embedding rows to list, those that moved most."""


class ProbesRecipe(Recipe):
    """Which models to probe for what continued pre-training breaks, and how thoroughly. A probe that is null is left out."""

    name: str
    """Label of the evaluation."""
    seed: int = Field(0, ge=0)
    """Seed of sampled continuations, random sequences and the bootstrap."""
    models: dict[str, Path] = Field(min_length=1)
    """Hugging Face folders of causal language models (config.json, safetensors, tokenizer.json) by name."""
    baseline: str
    """Name of the model that the others are compared with, usually the one that training started from."""
    recipes: dict[str, tuple[str, ...]] = {}
    """Models that differ only by their seed, by the name of what they have in common: `{replay: [replay-1, replay-2]}`. Their mean is compared with the
    baseline, with the noise between seeds in its interval."""
    domains: dict[str, DomainRecipe] = Field(min_length=1)
    """Held-out text by name, which gives prompts and text to score: a documents set, or `{documents, max_documents}`."""
    generation: GenerationRecipe | None = GenerationRecipe()
    """Degeneration of generated text."""
    language: LanguageRecipe | None = LanguageRecipe()
    """Language confusion, on the texts of `generation`."""
    copying: CopyingRecipe | None = CopyingRecipe()
    """In-context copying."""
    in_context: InContextRecipe | None = InContextRecipe()
    """In-context learning without language."""
    chat: ChatRecipe | None = ChatRecipe()
    """Instruction format; skipped for models without a chat template."""
    calibration: CalibrationRecipe | None = CalibrationRecipe()
    """Calibration of next-token probabilities."""
    low_bits: LowBitsRecipe | None = None
    """Weights in low bits."""
    drift: DriftRecipe | None = DriftRecipe()
    """Drift of weights."""
    examples: int = Field(4, ge=0)
    """Prompts whose continuations are kept for the report."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype that the models compute in, independent of their files. With float32, results do not depend on `batch` except by rounding."""
    batch: int = Field(32, ge=1)
    """Texts per forward pass."""
    n_resamples: int = Field(10_000, ge=100)
    """Bootstrap resamples."""
    device: str = Field("auto", exclude=True)
    """cpu, cuda, cuda:1, …; auto: a GPU if there is one."""
    threads: int | None = Field(None, ge=1, exclude=True)
    """CPU threads; null: torch's default."""
    work: Path | None = Field(None, exclude=True)
    """Folder in which evaluations share results, so that a model is probed once; null: `work` in the output folder."""
    out: Path = Field(exclude=True)
    """Folder for probes.json."""

    @model_validator(mode="after")
    def _consistent(self) -> "ProbesRecipe":
        names = ", ".join(self.models)
        if HUMAN in self.models or HUMAN in self.recipes:
            raise ValueError(f"models: the name {HUMAN} stands for the authors of the held-out text; choose another")
        if self.baseline not in self.models:
            raise ValueError(f"baseline: no model is called {self.baseline}, models are {names}")
        for recipe, runs in self.recipes.items():
            if recipe in self.models:
                raise ValueError(f"recipes: {recipe} is also the name of a model; give the recipe a name of its own")
            if len(set(runs)) < 2:
                raise ValueError(f"recipes.{recipe}: {len(set(runs))} model(s); noise between seeds needs two or more")
            unknown = [run for run in runs if run not in self.models]
            if unknown:
                raise ValueError(f"recipes.{recipe}: no model is called {unknown[0]}, models are {names}")
        if self.language is not None:
            unknown = [domain for domain in self.language.expected if domain not in self.domains]
            if unknown:
                raise ValueError(f"language.expected: no domain is called {unknown[0]}, domains are {', '.join(self.domains)}")
        return self

    @property
    def work_folder(self) -> Path:
        """`work`, or its default."""
        return self.work or self.out / "work"
