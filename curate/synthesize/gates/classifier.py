"""Rejects candidates that a fastText classifier finds unlikely."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import Field

from curate.synthesize.gates.base import GateRecipe, field_text
from curate.synthesize.types import Candidate, Rejection


class ClassifierGateRecipe(GateRecipe):
    """Keeps candidates to which a classifier (of `curate fit-classifier`, or any fastText file) gives enough probability."""

    kind: Literal["classifier"]
    model: str
    """Folder or file of the model."""
    label: str
    """The label of good candidates."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Minimum probability of the label. Default: our choice."""
    fields: tuple[str, ...] = ()
    """Fields of the items to judge; empty: the whole text."""

    def check(self) -> None:
        """See `GateRecipe.check`."""
        self._loaded()

    def files(self) -> Sequence[Path]:
        """See `GateRecipe.files`."""
        from curate.models.classifier import CARD, model_file

        file = model_file(self.model)
        return [path for path in (file, file.parent / CARD) if path.is_file()]

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Reject candidates with a lower probability."""
        classifier, label = self._loaded()
        scores = classifier.probability(pa.array([field_text(candidate, self.fields) for candidate in candidates], pa.large_string()), label)
        return [Rejection("classifier/unlikely", float(score), self.min_score, label) if score < self.min_score else None for score in scores]

    def _loaded(self) -> tuple[Any, str]:
        from curate.models.classifier import known_label, load_classifier

        classifier = load_classifier(self.model)
        return classifier, known_label(classifier, self.label, self.model)
