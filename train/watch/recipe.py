"""The parts of a training recipe that say what a run tells and where; none of them changes what is learned."""

from typing import Literal

from pydantic import Field, PositiveInt

from shards.held_out import DomainRecipe
from shards.recipe import Recipe


class WandbRecipe(Recipe):
    """Weights & Biases; needs the package wandb."""

    project: str
    """Project that the run appears in."""
    entity: str | None = None
    """User or team; null: the one that is logged in."""
    mode: Literal["online", "offline"] | None = None
    """offline: write to OUT/wandb, for `wandb sync` later; null: as WANDB_MODE says, else online."""
    tags: tuple[str, ...] = ()
    """Tags of the run."""


class TrackioRecipe(Recipe):
    """Trackio, a tracker on this machine; needs the package trackio. `trackio show` opens its page."""

    project: str
    """Project that the run appears in."""
    space: str | None = None
    """Hugging Face Space (`user/name`) to send to; null: the files under TRACKIO_DIR or the user's cache."""


class LogRecipe(Recipe):
    """Where metrics go beside `metrics.jsonl`. A tracker that fails is told once and left out; it never stops a run."""

    tensorboard: bool = True
    """Write TensorBoard event files to OUT/tensorboard."""
    wandb: WandbRecipe | None = None
    """Send to Weights & Biases; null: don't."""
    trackio: TrackioRecipe | None = None
    """Write to Trackio; null: don't."""


class ValidationRecipe(Recipe):
    """Bits per byte on held-out documents while training."""

    every_steps: PositiveInt
    """Steps between evaluations; the last step is always evaluated."""
    domains: dict[str, DomainRecipe] = Field(min_length=1)
    """Held-out text by name, in the form that `evaluate run` takes: a documents set, or `{documents, max_documents, max_bytes_per_document}`."""
    at_start: bool = False
    """Evaluate before the first step too: what the base model scores."""
