"""Candidates of one source that say the same again."""

from collections.abc import Sequence
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.gates.base import Gate
from curate.synthesize.gates.fields import field_text
from curate.synthesize.types import Candidate, Rejection

_WORDS = regex.compile(r"\p{Han}|[\p{L}\p{M}\p{N}]+")


class NearDuplicateGate(Gate):
    """Keeps the first of candidates of one source document whose word n-grams are alike: samples, variants, passages that repeat each other.

    Between documents `curate run` over the output finds near copies, by MinHash and for sets of any size.
    """

    kind: Literal["near_duplicate"]
    n: Annotated[int, Field(ge=1)] = 3
    """Words of an n-gram; Han characters count as words. Shorter texts are one n-gram."""
    max_similarity: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Jaccard similarity of the sets of n-grams from which on the later one is dropped. Default ours."""
    fields: tuple[str, ...] = ()
    """Fields of the items to compare, e.g. [question]; empty: the whole text."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Rejects candidates that are near copies of an earlier one that was kept."""
        kept: list[set[tuple[str, ...]]] = []
        told: list[Rejection | None] = []
        for candidate in candidates:
            grams = self._grams(field_text(candidate, self.fields))
            most = max((len(grams & other) / len(grams | other) for other in kept), default=0.0)
            is_copy = most >= self.max_similarity
            told.append(Rejection("near_duplicate/of_earlier", most, self.max_similarity) if is_copy else None)
            if not is_copy:
                kept.append(grams)
        return told

    def _grams(self, text: str) -> set[tuple[str, ...]]:
        words = _WORDS.findall(text.casefold())
        return {tuple(words[start : start + self.n]) for start in range(max(len(words) - self.n + 1, 1))}
