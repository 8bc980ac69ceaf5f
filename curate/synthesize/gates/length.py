"""Candidates of a sensible length, alone and against their source."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from curate.synthesize.gates.base import Gate
from curate.synthesize.types import Candidate, Rejection


class LengthGate(Gate):
    """Words are runs of non-blank characters; for scripts without spaces use characters."""

    kind: Literal["length"]
    min_words: Annotated[int, Field(ge=0)] | None = None
    """Fewest words of a text; null: no limit."""
    max_words: Annotated[int, Field(ge=1)] | None = None
    """Most words of a text; null: no limit."""
    min_chars: Annotated[int, Field(ge=0)] | None = None
    """Fewest characters of a text; null: no limit."""
    max_chars: Annotated[int, Field(ge=1)] | None = None
    """Most characters of a text; null: no limit."""
    min_ratio: Annotated[float, Field(ge=0)] | None = None
    """Characters of the text per character of the passages it was made from; a rephrasing far below 1 has dropped its content."""
    max_ratio: Annotated[float, Field(gt=0)] | None = None
    """The same, at most; a translation far above 1 repeats itself."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """The first bound that a candidate breaks."""
        return [self._judge(candidate) for candidate in candidates]

    def _judge(self, candidate: Candidate) -> Rejection | None:
        n_chars, n_source = len(candidate.text), sum(len(passage) for passage in candidate.passages)
        measured = {"words": len(candidate.text.split()), "chars": n_chars, "ratio": n_chars / max(n_source, 1)}
        for name, value in measured.items():
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if low is not None and value < low:
                return Rejection(f"length/too_few_{name}" if name != "ratio" else "length/too_short_for_source", value, low)
            if high is not None and value > high:
                return Rejection(f"length/too_many_{name}" if name != "ratio" else "length/too_long_for_source", value, high)
        return None
