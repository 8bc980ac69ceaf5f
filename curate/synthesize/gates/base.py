"""The base class of gates, and the text that they measure."""

from collections.abc import Sequence
from pathlib import Path

import regex

from curate.errors import CurateError
from curate.synthesize.types import Candidate, Rejection
from shards.recipe import Recipe

_NO_SPACES = r"[\p{LB=ID}\p{LB=SA}\p{LB=CJ}&&[\p{L}\p{M}\p{N}]]"
_WORDS = regex.compile(rf"{_NO_SPACES}|[[\p{{L}}\p{{M}}\p{{N}}]--{_NO_SPACES}]+(?:[.,][\p{{N}}]+)*", regex.V1)


class GateRecipe(Recipe):
    """A gate judges all candidates made from one source document together (all passages, variants and samples, in this order).

    Every gate sees every candidate, whatever the other gates decide.
    """

    def check(self) -> None:
        """Raise CurateError if something that the gate needs is missing. Called once, before a run starts."""

    def files(self) -> Sequence[Path]:
        """Files outside the recipe that determine the gate's decisions; their content enters the run's key."""
        return ()

    @property
    def item_fields(self) -> Sequence[str]:
        """Fields of items that the gate reads."""
        return getattr(self, "fields", ())

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """One value per candidate; None lets it pass."""
        raise NotImplementedError


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; `1,000.5` is one word. In scripts without spaces each character is a word."""
    return _WORDS.findall(text.lower())


def ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """The word n-grams of a text in order; empty for a text of fewer than n words."""
    text_words = words(text)
    return [tuple(text_words[start : start + n]) for start in range(len(text_words) - n + 1)]


def field_text(candidate: Candidate, fields: Sequence[str]) -> str:
    """The values of these fields in all items, one per line; the whole text if `fields` is empty. Raises CurateError if an item lacks a field."""
    if not fields:
        return candidate.text
    for item in candidate.items:
        for field in fields:
            if field not in item:
                raise CurateError(f"gates: items have no field {field!r}; their fields: {', '.join(sorted(item))}")
    return "\n".join(str(item[field]) for item in candidate.items for field in fields)
