"""Documents cut into passages; each passage goes into one prompt."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from shards.recipe import Recipe

_PARAGRAPHS = re.compile(r"\n\s*\n")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？।])\s*")


class PassageRecipe(Recipe):
    """How documents are cut into passages: between paragraphs, inside longer paragraphs between sentences."""

    max_chars: Annotated[int, Field(ge=50)] | None = 8000
    """Upper limit on the characters of a passage, about 2,000 tokens of English. null: the whole document is one passage."""
    min_chars: Annotated[int, Field(ge=0)] = 200
    """Shorter passages and documents are skipped."""
    max_passages: Annotated[int, Field(ge=1)] | None = None
    """Upper limit on the passages of a document, from its beginning. null: all."""


def passages(text: str, recipe: PassageRecipe) -> list[str]:
    """The stripped passages of a text, in order. Together they hold all its words unless `min_chars` or `max_passages` leaves some out."""
    limit = recipe.max_chars
    cut = [text.strip()] if limit is None or len(text) <= limit else list(_joined(_pieces(text, limit), limit))
    return [passage for passage in cut if passage and len(passage) >= recipe.min_chars][: recipe.max_passages]


def _pieces(text: str, limit: int) -> Iterator[tuple[str, str]]:
    """Pieces of at most `limit` characters, each with the separator that joins it to the previous one."""
    for paragraph in _PARAGRAPHS.split(text.strip()):
        separator = "\n\n"
        for sentence in [paragraph] if len(paragraph) <= limit else _SENTENCE_ENDS.split(paragraph):
            for piece in filter(None, _hard_cut(sentence.strip(), limit)):
                yield separator, piece
                separator = " "


def _hard_cut(text: str, limit: int) -> Iterator[str]:
    while len(text) > limit:
        space = text.rfind(" ", limit // 2, limit + 1)
        end = space if space > 0 else limit
        yield text[:end]
        text = text[end:].lstrip()
    yield text


def _joined(pieces: Iterator[tuple[str, str]], limit: int) -> Iterator[str]:
    passage = ""
    for separator, piece in pieces:
        if passage and len(passage) + len(separator) + len(piece) > limit:
            yield passage
            passage = piece
        else:
            passage = passage + separator + piece if passage else piece
    yield passage
