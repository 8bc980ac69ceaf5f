"""Recipes of `evaluate run` and `evaluate report`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from shards.amounts import Tokens
from shards.held_out import DomainRecipe
from shards.recipe import Recipe


class NeedleRecipe(Recipe):
    """Retrieval of a pass key from held-out text (arXiv 2305.16300, 2404.06654)."""

    depths: Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1)] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Where the key stands: 0 at the beginning of the text, 1 right before the question."""
    samples: Annotated[int, Field(ge=1)] = 20
    """Trials for each length and depth, with different keys and, as far as there are enough, different documents."""
    alternatives: Annotated[int, Field(ge=1, le=99)] = 9
    """Other keys that the right one is ranked among; a model that cannot find the key ranks it first once in 1 + `alternatives` times."""

    def n_trials(self, n_lengths: int) -> int:
        """Trials of one model."""
        return n_lengths * len(self.depths) * self.samples


class LongContextRecipe(Recipe):
    """Measure how models use long context: nats per token by position, and retrieval of a needle."""

    domain: str
    """Name of the domain whose long documents are read, in their entirety as far as the longest length."""
    lengths: tuple[Annotated[Tokens, Field(ge=2)], ...] = Field(min_length=1)
    """Context lengths in tokens, ascending. Positions are grouped between them. A length beyond a model's own limit is measured, and marked."""
    max_documents: int = Field(100, ge=2)
    """Upper limit of documents; of those with at least as many tokens as the longest length, those with the smallest ids are taken."""
    needle: NeedleRecipe | None = NeedleRecipe()
    """null: no needles, only positions."""

    @model_validator(mode="after")
    def _ascending(self) -> "LongContextRecipe":
        if list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError(f"lengths: {', '.join(map(str, self.lengths))} are not ascending")
        return self


class EvaluateRecipe(Recipe):
    """Which models to score on which held-out text, and how precisely."""

    name: str
    """Label of the evaluation."""
    seed: int = 0
    """Seed of the bootstrap."""
    models: dict[str, Path] = Field(min_length=1)
    """Hugging Face folders of causal language models (config.json, safetensors, tokenizer.json) by name."""
    baseline: str
    """Name of the model that the others are compared with, usually the one that training started from."""
    domains: dict[str, DomainRecipe] = Field(min_length=1)
    """Held-out text by name: a documents set, or `{documents, role, max_documents, max_bytes_per_document}`."""
    train_documents: list[Path] = []
    """Documents sets that the models were trained on; a held-out document that is also in one of them is refused. Empty: not checked."""
    context_tokens: Tokens = 1024
    """Upper limit of the tokens before a prediction; must not exceed the context of any model."""
    stride_tokens: Tokens | None = None
    """Tokens by which windows advance over documents longer than the context; null: `context_tokens`, windows without overlap.
    Half of `context_tokens` gives every token at least half the context, at twice the cost."""
    long_context: LongContextRecipe | None = None
    """Nats per token by position and needle retrieval at these lengths; null: not measured."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype that the models compute in, independent of their files. With float32, all machines agree."""
    batch_tokens: Tokens = 8192
    """Tokens per forward pass, including padding; the logits of this many tokens must fit in memory."""
    n_resamples: int = Field(10_000, ge=100)
    """Bootstrap resamples; with 10,000, the ends of an interval vary by about 1% of its width between seeds."""
    tolerance: float = Field(0.01, ge=0)
    """Increase in bits per byte on `retain` domains that counts as harmless forgetting. The default is our choice: about 0.03 nats per token of English,
    the forgetting that remained in 10B-parameter models after replaying 5% of old data (Ibrahim et al. 2024, Pile to SlimPajama)."""
    device: str = Field("auto", exclude=True)
    """cpu, cuda, cuda:1, …; auto: a GPU if there is one."""
    threads: int | None = Field(None, ge=1, exclude=True)
    """CPU threads; null: torch's default."""
    work: Path | None = Field(None, exclude=True)
    """Folder in which evaluations share scores, so that a model is scored once on the same documents; null: `work` in the output folder."""
    out: Path = Field(exclude=True)
    """Folder for the scores."""

    @model_validator(mode="after")
    def _consistent(self) -> "EvaluateRecipe":
        if self.baseline not in self.models:
            raise ValueError(f"baseline: no model is called {self.baseline}, models are {', '.join(self.models)}")
        if self.long_context is not None and self.long_context.domain not in self.domains:
            raise ValueError(f"long_context.domain: no domain is called {self.long_context.domain}, domains are {', '.join(self.domains)}")
        if self.stride > self.context_tokens:
            raise ValueError("stride_tokens: larger than context_tokens, so tokens would be skipped")
        return self

    @property
    def stride(self) -> int:
        """`stride_tokens`, or its default."""
        return self.stride_tokens or self.context_tokens

    @property
    def work_folder(self) -> Path:
        """`work`, or its default."""
        return self.work or self.out / "work"


class ReportRecipe(Recipe):
    """The content of one report. Everything except the scores is optional; the page omits sections without input."""

    title: str
    """Title of the report."""
    base: str = ""
    """One sentence about the base model."""
    intro: str = ""
    """A few sentences about what was done and why."""
    scores: Path
    """Output folder of `evaluate run`."""
    curate: dict[str, Path] = {}
    """Output folders of `curate run`, by name of the corpus."""
    mixes: dict[str, Path] = {}
    """Output folders of `mix build`, by name of the model trained on them."""
    runs: dict[str, Path] = {}
    """Output folders of `train`, by name of the model."""
    suggestions: dict[str, Path] = {}
    """Output folders of `mix suggest`, by the name to show. What they predict is drawn beside what was observed; their losses must be bits per byte."""
    reproduce: list[str] = []
    """Commands that reproduce everything in the report."""
    n_examples: int = Field(2, ge=0)
    """Number of example documents shown for each rule that removed some."""
    example_characters: int = Field(600, ge=50)
    """Characters shown of each example."""
    out: Path = Field(exclude=True)
    """The HTML file; report.json is written beside it."""
