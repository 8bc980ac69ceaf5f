"""What all gates share."""

from collections.abc import Sequence
from pathlib import Path

import regex

from curate.synthesize.types import Candidate, Rejection
from shards.recipe import Recipe

_NO_SPACES = r"[\p{LB=ID}\p{LB=SA}\p{LB=CJ}&&[\p{L}\p{M}\p{N}]]"
_WORDS = regex.compile(rf"{_NO_SPACES}|[[\p{{L}}\p{{M}}\p{{N}}]--{_NO_SPACES}]+(?:[.,][\p{{N}}]+)*", regex.V1)


class Gate(Recipe):
    """A gate judges all candidates made of one source document (all passages, variants and samples, in this order)."""

    def check(self) -> None:
        """Raise CurateError for what the gate needs and hasn't got; asked once, before a run begins."""

    def files(self) -> Sequence[Path]:
        """Files outside the recipe that decide what it says."""
        return ()

    @property
    def item_fields(self) -> Sequence[str]:
        """Fields of items that the gate reads."""
        return getattr(self, "fields", ())

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """One value for each candidate; None lets it pass."""
        raise NotImplementedError


def words(text: str) -> list[str]:
    """Words in lower case, without punctuation; `1,000.5` is one. In scripts that put no spaces between words each character is one."""
    return _WORDS.findall(text.lower())


def ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """The word n-grams of a text in order; none of a text with fewer words."""
    found = words(text)
    return [tuple(found[start : start + n]) for start in range(len(found) - n + 1)]
