"""What of a document goes into one prompt."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from shards.recipe import Recipe

_PARAGRAPHS = re.compile(r"\n\s*\n")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？।])\s*")


class PassageRecipe(Recipe):
    """How documents are cut into passages. Paragraphs are kept whole where they fit, sentences where those don't."""

    max_chars: Annotated[int, Field(ge=50)] | None = 8000
    """Characters of a passage at most, about 2,000 tokens of English. null: the whole document is one passage."""
    min_chars: Annotated[int, Field(ge=0)] = 200
    """Shorter passages, and documents, are passed over."""
    max_passages: Annotated[int, Field(ge=1)] | None = None
    """Passages of a document at most, from its beginning. null: all."""


def passages(text: str, recipe: PassageRecipe) -> list[str]:
    """The passages of a text, stripped, in order. Together they hold all its words unless `min_chars` or `max_passages` leaves some out."""
    limit = recipe.max_chars
    whole = [text.strip()] if limit is None or len(text) <= limit else list(_joined(_pieces(text, limit), limit))
    return [one for one in whole if one and len(one) >= recipe.min_chars][: recipe.max_passages]


def _pieces(text: str, limit: int) -> Iterator[tuple[str, str]]:
    """Pieces of at most `limit` characters, each with what joins it to the one before."""
    for paragraph in _PARAGRAPHS.split(text.strip()):
        joint = "\n\n"
        for sentence in [paragraph] if len(paragraph) <= limit else _SENTENCE_ENDS.split(paragraph):
            for piece in filter(None, _hard_cut(sentence.strip(), limit)):
                yield joint, piece
                joint = " "


def _hard_cut(text: str, limit: int) -> Iterator[str]:
    while len(text) > limit:
        space = text.rfind(" ", limit // 2, limit + 1)
        end = space if space > 0 else limit
        yield text[:end]
        text = text[end:].lstrip()
    yield text


def _joined(pieces: Iterator[tuple[str, str]], limit: int) -> Iterator[str]:
    passage = ""
    for joint, piece in pieces:
        if passage and len(passage) + len(joint) + len(piece) > limit:
            yield passage
            passage = piece
        else:
            passage = passage + joint + piece if passage else piece
    yield passage
