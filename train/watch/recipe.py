"""The parts of a training recipe about logging and evaluation; none of them changes what is learned."""

from pathlib import Path

from pydantic import PositiveInt, model_validator

from shards.held_out import DomainRecipe
from shards.recipe import Recipe
from shards.trackers import TrackioRecipe, WandbRecipe


class LogRecipe(Recipe):
    """Where metrics go besides `metrics.jsonl`. A tracker that fails is reported once and not used again; it never stops a run."""

    tensorboard: bool = True
    """Write TensorBoard event files to OUT/tensorboard."""
    wandb: WandbRecipe | None = None
    """Send to Weights & Biases; null: do not."""
    trackio: TrackioRecipe | None = None
    """Write to Trackio; null: do not."""


class ValidationRecipe(Recipe):
    """Bits per byte while training: of held-out documents, and of the right answers of tasks."""

    every_steps: PositiveInt
    """Steps between evaluations; the last step is always evaluated."""
    domains: dict[str, DomainRecipe] = {}
    """Held-out text by name, as in recipes of `evaluate run`: a documents set, or `{documents, max_documents, max_bytes_per_document}`."""
    tasks: dict[str, Path] = {}
    """Items by name of the task: a file of JSON lines with `context` and `continuation`, or `context`, `choices` and `gold`. The first 500 items are scored
    by the bits per byte of their right answers, which change long before accuracy does: docs/how-to/evaluate.md."""
    at_start: bool = False
    """Also evaluate the base model, before the first step."""

    @model_validator(mode="after")
    def _scores_something(self) -> "ValidationRecipe":
        if not self.domains and not self.tasks:
            raise ValueError("domains: name at least one domain, or one task under tasks")
        return self
