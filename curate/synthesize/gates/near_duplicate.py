"""Rejects near duplicates among the candidates of one source document."""

from collections.abc import Sequence
from typing import Annotated, Literal

import regex
from pydantic import Field

from curate.synthesize.gates.base import GateRecipe, field_text
from curate.synthesize.types import Candidate, Rejection

_WORDS = regex.compile(r"\p{Han}|[\p{L}\p{M}\p{N}]+")


class NearDuplicateGateRecipe(GateRecipe):
    """Keeps the first of similar candidates of one source document: samples, variants or passages that repeat each other.

    Near duplicates between source documents are found by MinHash in `curate run` over the output.
    """

    kind: Literal["near_duplicate"]
    n: Annotated[int, Field(ge=1)] = 3
    """Words per n-gram; Han characters count as words. A shorter text is one n-gram."""
    max_similarity: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Jaccard similarity of the n-gram sets at which the later candidate is rejected. Default: our choice."""
    fields: tuple[str, ...] = ()
    """Fields of the items to compare, e.g. [question]; empty: the whole text."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Reject candidates that are near duplicates of an earlier kept one."""
        kept: list[set[tuple[str, ...]]] = []
        rejections: list[Rejection | None] = []
        for candidate in candidates:
            grams = self._grams(field_text(candidate, self.fields))
            similarity = max((len(grams & other) / len(grams | other) for other in kept), default=0.0)
            is_duplicate = similarity >= self.max_similarity
            rejections.append(Rejection("near_duplicate/of_earlier", similarity, self.max_similarity) if is_duplicate else None)
            if not is_duplicate:
                kept.append(grams)
        return rejections

    def _grams(self, text: str) -> set[tuple[str, ...]]:
        words = _WORDS.findall(text.casefold())
        return {tuple(words[start : start + self.n]) for start in range(max(len(words) - self.n + 1, 1))}
