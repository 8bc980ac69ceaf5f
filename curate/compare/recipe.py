"""The recipe of held-out documents; that of deduplication is in `curate.dedup.recipe`."""

from typing import Annotated

from pydantic import Field

from shards.recipe import Recipe


class HeldOutRecipe(Recipe):
    """A share of the kept documents set aside for evaluation; which ones depends on content and salt alone."""

    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of kept documents, e.g. 0.02."""
    max_documents: Annotated[int, Field(ge=0)] | None = None
    """At most so many: those whose hash is smallest."""
    salt: str = "held_out"
    """Changes which documents are chosen."""
