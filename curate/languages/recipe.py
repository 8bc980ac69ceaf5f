"""The recipe of language identification."""

from typing import Annotated, Literal

from pydantic import Field

from shards.amounts import Bytes
from shards.recipe import Recipe

Confidence = Annotated[float, Field(ge=0, le=1)]


class LanguageRecipe(Recipe):
    """Language identification."""

    model: str = "default"
    """`default` is embedded and needs no download; otherwise the path of any fastText model (lid.176, GlotLID)."""
    keep: tuple[str, ...] = ()
    """Languages to keep, as the model names them (`en`, or `eng_Latn` with GlotLID). Empty: all."""
    min_confidence: Confidence | Literal["fineweb2"] | dict[str, Confidence] = 0.0
    """Smallest probability of the most likely language; documents below it are dropped. FineWeb uses 0.65 with lid.176. By language:
    `{default: 0.65, swh_Latn: 0.3}`, with codes of the model or of GlotLID. `fineweb2`: FineWeb2's thresholds for GlotLID, 0 for languages without one."""
    max_bytes: Annotated[Bytes, Field(ge=64)] | None = None
    """How much of a longer text is read, in bytes, in pieces spread over it. null: 1,024 with the default model; the whole text with fastText models,
    as in FineWeb. With those, 2,048 bytes change few answers and save most of the time."""
    candidates: Annotated[float, Field(gt=0, le=1)] | None = None
    """Smallest probability of a language to be listed in the signal `languages`; FineWeb2 uses 0.01. null: no such signal."""
