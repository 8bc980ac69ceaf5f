"""Rejects candidates in another language than they should have."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

from curate.synthesize.gates.base import GateRecipe, field_text
from curate.synthesize.types import Candidate, Rejection


class LanguageGateRecipe(GateRecipe):
    """Drops what a language model of `curate.models` takes for another language."""

    kind: Literal["language"]
    language: str | None = None
    """Expected language code, e.g. de. null: the language that the document should have (`output.language` of the task, else that of its source);
    documents of unknown language pass."""
    model: str = "default"
    """`default`, or the path of a fastText model."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Minimum probability for a rejection; a candidate whose language is less certain passes. Default: our choice."""
    fields: tuple[str, ...] = ()
    """Fields of the items to judge; empty: the whole text."""

    def check(self) -> None:
        """See `GateRecipe.check`."""
        from curate.languages.identify import check_language_model

        check_language_model(self.model)

    def files(self) -> Sequence[Path]:
        """See `GateRecipe.files`."""
        return () if self.model == "default" else (Path(self.model),)

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Reject candidates that are in another language with enough certainty. Raises CurateError if the model is missing."""
        from curate.languages.identify import load_language_model
        from curate.languages.model import UNKNOWN

        texts = pa.array([field_text(candidate, self.fields) for candidate in candidates], pa.large_string())
        identified = load_language_model(self.model).identify(texts)
        rejections: list[Rejection | None] = []
        for candidate, code, score in zip(candidates, identified.code.to_pylist(), identified.score, strict=True):
            expected = self.language or candidate.language
            differs = expected not in ("", UNKNOWN) and code != UNKNOWN and _base(code) != _base(expected) and score >= self.min_score
            rejections.append(Rejection("language/other", float(score), self.min_score, f"{code}, not {expected}") if differs else None)
        return rejections


def _base(code: str) -> str:
    """The language without script or region: `zh` of `zh-Hant`, `pt` of `pt_BR`."""
    return code.replace("_", "-").split("-")[0].lower()
