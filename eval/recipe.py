"""Recipe of `evaluate run`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from eval.long_context.recipe import LongContextRecipe
from shards.amounts import Tokens
from shards.held_out import DomainRecipe
from shards.recipe import Recipe


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
