"""The parts of a training recipe about logging and evaluation; none of them changes what is learned."""

from typing import Literal

from pydantic import Field, PositiveInt

from shards.held_out import DomainRecipe
from shards.recipe import Recipe


class WandbRecipe(Recipe):
    """Weights & Biases; needs the package wandb."""

    project: str
    """Project of the run."""
    entity: str | None = None
    """User or team; null: the logged-in user."""
    mode: Literal["online", "offline"] | None = None
    """offline: write to OUT/wandb, for `wandb sync` later; null: the mode in WANDB_MODE, else online."""
    tags: tuple[str, ...] = ()
    """Tags of the run."""


class TrackioRecipe(Recipe):
    """Trackio, a local tracker; needs the package trackio. `trackio show` opens its page."""

    project: str
    """Project of the run."""
    space: str | None = None
    """Hugging Face Space (`user/name`) to send to; null: write files under TRACKIO_DIR or the user's cache."""


class LogRecipe(Recipe):
    """Where metrics go besides `metrics.jsonl`. A tracker that fails is reported once and not used again; it never stops a run."""

    tensorboard: bool = True
    """Write TensorBoard event files to OUT/tensorboard."""
    wandb: WandbRecipe | None = None
    """Send to Weights & Biases; null: do not."""
    trackio: TrackioRecipe | None = None
    """Write to Trackio; null: do not."""


class ValidationRecipe(Recipe):
    """Bits per byte on held-out documents while training."""

    every_steps: PositiveInt
    """Steps between evaluations; the last step is always evaluated."""
    domains: dict[str, DomainRecipe] = Field(min_length=1)
    """Held-out text by name, as in recipes of `evaluate run`: a documents set, or `{documents, max_documents, max_bytes_per_document}`."""
    at_start: bool = False
    """Also evaluate the base model, before the first step."""
