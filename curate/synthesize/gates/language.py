"""Candidates in the language that they should be in."""

from collections.abc import Sequence
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

from curate.synthesize.gates.fields import field_text
from curate.synthesize.types import Candidate, Rejection
from shards.recipe import Recipe


class LanguageGate(Recipe):
    """Drops what a language model of `curate.models` takes for another language."""

    kind: Literal["language"]
    language: str | None = None
    """Code that the model should give, e.g. de. null: the language of the source document; documents of no known language pass."""
    model: str = "default"
    """`default`, or the path of a fastText model."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least probability at which the model is believed; below, a candidate passes. Default ours."""
    fields: tuple[str, ...] = ()
    """Fields of the items to judge; empty: the whole text."""

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Rejects candidates that are surely in another language. Raises CurateError for a model that is not there."""
        from curate.models.language import UNKNOWN, load_language_model

        found = load_language_model(self.model).identify(pa.array([field_text(one, self.fields) for one in candidates], pa.large_string()))
        told: list[Rejection | None] = []
        for candidate, code, score in zip(candidates, found.code.to_pylist(), found.score, strict=True):
            wanted = self.language or candidate.document.language
            differs = wanted not in ("", UNKNOWN) and code not in (wanted, UNKNOWN) and score >= self.min_score
            told.append(Rejection("language/other", float(score), self.min_score, f"{code}, not {wanted}") if differs else None)
        return told
