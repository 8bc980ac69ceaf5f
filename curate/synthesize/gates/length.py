"""Rejects candidates that are too short or too long, absolutely or relative to their source."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from curate.synthesize.gates.base import GateRecipe
from curate.synthesize.types import Candidate, Rejection


class LengthGateRecipe(GateRecipe):
    """Words are runs of non-blank characters; use characters for scripts without spaces."""

    kind: Literal["length"]
    min_words: Annotated[int, Field(ge=0)] | None = None
    """Minimum words of a text. null: no limit."""
    max_words: Annotated[int, Field(ge=1)] | None = None
    """Maximum words of a text. null: no limit."""
    min_chars: Annotated[int, Field(ge=0)] | None = None
    """Minimum characters of a text. null: no limit."""
    max_chars: Annotated[int, Field(ge=1)] | None = None
    """Maximum characters of a text. null: no limit."""
    min_ratio: Annotated[float, Field(ge=0)] | None = None
    """Minimum characters per character of the source passages; a rephrasing far below 1 has lost content."""
    max_ratio: Annotated[float, Field(gt=0)] | None = None
    """Maximum characters per character of the source passages; a translation far above 1 repeats itself."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Reject with the first limit that a candidate exceeds."""
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
