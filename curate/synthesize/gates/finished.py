"""Rejects completions that the model did not end itself."""

from collections.abc import Sequence
from typing import Literal

from curate.synthesize.gates.base import GateRecipe
from curate.synthesize.types import Candidate, Rejection


class FinishedGateRecipe(GateRecipe):
    """Rejects completions cut off at `max_tokens` or by a server's content filter."""

    kind: Literal["finished"]

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Reject candidates with at least one completion that was cut off."""
        return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Rejection | None:
        reasons = [reason for reason in candidate.finish_reasons if reason in ("length", "content_filter")]
        return Rejection("finished/cut_off", detail=f"finish reason {reasons[0]}") if reasons else None
