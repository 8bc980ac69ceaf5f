"""Completions in which a model speaks of itself, or to its user, instead of writing the document."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import regex

from curate.synthesize.gates.base import Gate
from curate.synthesize.types import Candidate, Rejection
from shards.recipe import Recipe, load_recipe

_PHRASES = Path(__file__).parent / "refusals.yaml"


class RefusalPhrases(Recipe):
    """By rule: refusal, about_itself, to_the_user, placeholder. Patterns, case ignored."""

    begins: dict[str, tuple[str, ...]]
    """At the beginning of a completion, or of a field."""
    anywhere: dict[str, tuple[str, ...]]


class RefusalGate(Gate):
    """Looks at the completion and at each field of the items; phrases of several languages are in `refusals.yaml`."""

    kind: Literal["refusal"]
    more: tuple[str, ...] = ()
    """Further patterns, anywhere in a text, case ignored."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Rejects with the phrase that was found."""
        return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Rejection | None:
        texts = [candidate.text, *candidate.completions, *(str(value) for item in candidate.items for value in item.values())]
        patterns = [*_patterns(), *((f"refusal/more: {one}", regex.compile(one, regex.IGNORECASE)) for one in self.more)]
        for rule, pattern in patterns:
            for text in texts:
                if match := pattern.search(text):
                    return Rejection(rule.split(":")[0], detail=match[0].strip()[:80])
        return None


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, regex.Pattern]]:
    phrases = load_recipe(_PHRASES, RefusalPhrases)
    found = [(f"refusal/{rule}", rf"\A\W{{0,3}}(?:{'|'.join(many)})") for rule, many in phrases.begins.items()]
    found += [(f"refusal/{rule}", rf"(?:{'|'.join(many)})") for rule, many in phrases.anywhere.items()]
    return [(rule, regex.compile(pattern, regex.IGNORECASE)) for rule, pattern in found]
