"""Recipes of `evaluate run` and `evaluate report`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from shards.amounts import Tokens
from shards.held_out import DomainRecipe
from shards.recipe import Recipe


class EvaluateRecipe(Recipe):
    """Which models to score on which held-out text, and how sure to be."""

    name: str
    """Label of the evaluation."""
    seed: int = 0
    """Seed of the bootstrap."""
    models: dict[str, Path] = Field(min_length=1)
    """Hugging Face folders of causal language models (config.json, safetensors, tokenizer.json) by name."""
    baseline: str
    """Name of the model that the others are compared with: what training started from."""
    domains: dict[str, DomainRecipe] = Field(min_length=1)
    """Held-out text by name: a documents set, or `{documents, role, max_documents, max_bytes_per_document}`."""
    train_documents: list[Path] = []
    """Documents sets the models were trained on; a held-out document that is also in one of them is refused. Empty: not checked."""
    context_tokens: Tokens = 1024
    """Most tokens a prediction may look back on; at most what the models can hold."""
    stride_tokens: Tokens | None = None
    """Tokens by which windows advance over documents longer than the context; null: `context_tokens`, windows that don't overlap.
    Half of `context_tokens` gives every token at least half the context at twice the price."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Number format the models compute in, whatever their files hold. float32 so that all machines agree."""
    batch_tokens: Tokens = 8192
    """Tokens per forward pass, padding included; the logits of so many tokens must fit in memory."""
    n_resamples: int = Field(10_000, ge=100)
    """Bootstrap resamples; at 10,000 the ends of an interval move by about 1% of its width from seed to seed."""
    tolerance: float = Field(0.01, ge=0)
    """Bits per byte on `retain` domains regarded as harmless forgetting. The default is ours: about 0.03 nats per token of English,
    what replaying 5% of old data left of forgetting in 10B-parameter models (Ibrahim et al. 2024, Pile to SlimPajama)."""
    device: str = Field("auto", exclude=True)
    """cpu, cuda, cuda:1, …; auto: a GPU if there is one."""
    threads: int | None = Field(None, ge=1, exclude=True)
    """CPU threads; null: as many as torch takes."""
    out: Path = Field(exclude=True)
    """Folder for the scores."""

    @model_validator(mode="after")
    def _consistent(self) -> "EvaluateRecipe":
        if self.baseline not in self.models:
            raise ValueError(f"baseline: no model is called {self.baseline}, models are {', '.join(self.models)}")
        if self.stride > self.context_tokens:
            raise ValueError("stride_tokens: larger than context_tokens, so tokens would be left out")
        return self

    @property
    def stride(self) -> int:
        """`stride_tokens`, resolved."""
        return self.stride_tokens or self.context_tokens


class ReportRecipe(Recipe):
    """What to put into one report. Everything but the scores may be left out; its section is then left out too."""

    title: str
    """Title of the report."""
    base: str = ""
    """What the base model is, in a sentence."""
    intro: str = ""
    """What was done and why, in a few sentences."""
    scores: Path
    """Output folder of `evaluate run`."""
    curate: dict[str, Path] = {}
    """Output folders of `curate run` by corpus."""
    mixes: dict[str, Path] = {}
    """Output folders of `mix build`, by the name of the model trained on them."""
    runs: dict[str, Path] = {}
    """Output folders of `train`, by the name of the model."""
    reproduce: list[str] = []
    """Commands that make all of it again."""
    n_examples: int = Field(2, ge=0)
    """Documents shown per rule that removed some."""
    example_characters: int = Field(600, ge=50)
    """Characters shown of each."""
    out: Path = Field(exclude=True)
    """The HTML file; report.json is written beside it."""
