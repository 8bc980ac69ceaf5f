"""Rejects candidates that mostly repeat their source."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from curate.synthesize.gates.base import GateRecipe, ngrams
from curate.synthesize.types import Candidate, Rejection


class CopiedGateRecipe(GateRecipe):
    """Measures the share of a text's word n-grams that also occur in its passages. Not for outputs that include the source on purpose."""

    kind: Literal["copied"]
    n: Annotated[int, Field(ge=1)] = 8
    """Lower-case words per n-gram; characters in scripts without spaces."""
    max_share: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Maximum share of such n-grams. Default: our choice."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Reject candidates with a larger share. Texts of fewer than `n` words pass."""
        return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Rejection | None:
        grams = ngrams(candidate.text, self.n)
        if not grams:
            return None
        known = set().union(*(ngrams(passage, self.n) for passage in candidate.passages))
        share = sum(gram in known for gram in grams) / len(grams)
        return Rejection("copied/from_source", share, self.max_share) if share > self.max_share else None
