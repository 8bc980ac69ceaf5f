"""Completions that the model ended itself."""

from collections.abc import Sequence
from typing import Literal

from curate.synthesize.gates.base import Gate
from curate.synthesize.types import Candidate, Rejection


class FinishedGate(Gate):
    """Drops what was cut off at `max_tokens`, or by a server's content filter."""

    kind: Literal["finished"]

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Rejects a candidate with any completion that didn't end by itself."""
        return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Rejection | None:
        cut = [reason for reason in candidate.finish_reasons if reason in ("length", "content_filter")]
        return Rejection("finished/cut_off", detail=f"finish reason {cut[0]}") if cut else None
