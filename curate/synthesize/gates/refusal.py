"""Rejects completions in which the model refuses, or talks about itself or to its user, instead of writing the document."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import regex

from curate.synthesize.gates.base import GateRecipe
from curate.synthesize.types import Candidate, Rejection
from shards.recipe import Recipe, load_recipe

_PHRASES = Path(__file__).parent / "refusals.yaml"


class RefusalPhrases(Recipe):
    """Case-insensitive patterns by rule: refusal, about_itself, to_the_user, placeholder."""

    begins: dict[str, tuple[str, ...]]
    """Patterns for the beginning of a completion or field."""
    anywhere: dict[str, tuple[str, ...]]


class RefusalGateRecipe(GateRecipe):
    """Searches the completion and each field of the items for the phrases of `refusals.yaml`, in several languages."""

    kind: Literal["refusal"]
    more: tuple[str, ...] = ()
    """Further case-insensitive patterns, searched anywhere in a text."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Reject with the matched phrase as detail."""
        return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Rejection | None:
        texts = [candidate.text, *candidate.completions, *(str(value) for item in candidate.items for value in item.values())]
        patterns = [*_patterns(), *(("refusal/more", regex.compile(pattern, regex.IGNORECASE)) for pattern in self.more)]
        for rule, pattern in patterns:
            for text in texts:
                if match := pattern.search(text):
                    return Rejection(rule, detail=match[0].strip()[:80])
        return None


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, regex.Pattern]]:
    phrases = load_recipe(_PHRASES, RefusalPhrases)
    patterns = [(f"refusal/{rule}", rf"\A\W{{0,3}}(?:{'|'.join(choices)})") for rule, choices in phrases.begins.items()]
    patterns += [(f"refusal/{rule}", rf"(?:{'|'.join(choices)})") for rule, choices in phrases.anywhere.items()]
    return [(rule, regex.compile(pattern, regex.IGNORECASE)) for rule, pattern in patterns]
