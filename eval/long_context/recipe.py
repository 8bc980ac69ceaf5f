"""The part of the recipe of `evaluate run` about long context."""

from typing import Annotated

from pydantic import Field, model_validator

from shards.amounts import Tokens
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
