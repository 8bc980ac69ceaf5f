"""Candidates in the language that they should be in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

from curate.synthesize.gates.base import Gate
from curate.synthesize.gates.fields import field_text
from curate.synthesize.types import Candidate, Rejection


class LanguageGate(Gate):
    """Drops what a language model of `curate.models` takes for another language."""

    kind: Literal["language"]
    language: str | None = None
    """Code that the model should give, e.g. de. null: the language that the document is to have (`output.language` of the task, else its source's);
    documents of no known language pass."""
    model: str = "default"
    """`default`, or the path of a fastText model."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least probability at which the model is believed; below, a candidate passes. Default ours."""
    fields: tuple[str, ...] = ()
    """Fields of the items to judge; empty: the whole text."""

    def check(self) -> None:
        """See `Gate.check`."""
        from curate.languages.identify import check_language_model

        check_language_model(self.model)

    def files(self) -> Sequence[Path]:
        """See `Gate.files`."""
        return () if self.model == "default" else (Path(self.model),)

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Rejects candidates that are surely in another language. Raises CurateError for a model that is not there."""
        from curate.languages.identify import load_language_model
        from curate.languages.model import UNKNOWN

        found = load_language_model(self.model).identify(pa.array([field_text(one, self.fields) for one in candidates], pa.large_string()))
        told: list[Rejection | None] = []
        for candidate, code, score in zip(candidates, found.code.to_pylist(), found.score, strict=True):
            wanted = self.language or candidate.language
            differs = wanted not in ("", UNKNOWN) and code != UNKNOWN and _base(code) != _base(wanted) and score >= self.min_score
            told.append(Rejection("language/other", float(score), self.min_score, f"{code}, not {wanted}") if differs else None)
        return told


def _base(code: str) -> str:
    """The language alone: `zh` of `zh-Hant`, `pt` of `pt_BR`."""
    return code.replace("_", "-").split("-")[0].lower()
