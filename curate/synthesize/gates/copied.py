"""Candidates that repeat their source wholesale add tokens and no text."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from curate.synthesize.gates.base import Gate, ngrams
from curate.synthesize.types import Candidate, Rejection


class CopiedGate(Gate):
    """Share of a text's word n-grams that stand in its passages too. Not for outputs that hold the source on purpose."""

    kind: Literal["copied"]
    n: Annotated[int, Field(ge=1)] = 8
    """Words of an n-gram, in lower case; characters in scripts without spaces."""
    max_share: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Default ours."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Rejects candidates with a larger share. Texts of fewer than `n` words pass."""
        return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Rejection | None:
        grams = ngrams(candidate.text, self.n)
        if not grams:
            return None
        known = set().union(*(ngrams(passage, self.n) for passage in candidate.passages))
        share = sum(gram in known for gram in grams) / len(grams)
        return Rejection("copied/from_source", share, self.max_share) if share > self.max_share else None
