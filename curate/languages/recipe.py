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
    """Least probability of the most likely language; documents below are dropped. 0.65 is FineWeb's with lid.176. By language:
    `{default: 0.65, swh_Latn: 0.3}`, codes as the model or GlotLID has them. `fineweb2`: what FineWeb2 asks for with GlotLID, 0 where it has no figure."""
    max_bytes: Annotated[Bytes, Field(ge=64)] | None = None
    """Bytes by which a longer text is judged, in pieces from all over it. null: 1,024 with the default model, the whole text with fastText models,
    as FineWeb has it; there 2,048 change hardly an answer and save most of the time."""
    candidates: Annotated[float, Field(gt=0, le=1)] | None = None
    """Least probability of the languages listed in the signal `languages`, with their probabilities; FineWeb2 keeps those of 0.01. null: none."""
