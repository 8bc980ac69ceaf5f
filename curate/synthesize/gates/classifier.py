"""A fastText classifier as a judge of candidates."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import Field

from curate.synthesize.gates.base import Gate
from curate.synthesize.gates.fields import field_text
from curate.synthesize.types import Candidate, Rejection


class ClassifierGate(Gate):
    """Keeps what a classifier of `curate fit-classifier`, or any fastText file, finds probable enough."""

    kind: Literal["classifier"]
    model: str
    """Folder or file of the model."""
    label: str
    """The label that good candidates have."""
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Least probability of the label. Default ours."""
    fields: tuple[str, ...] = ()
    """Fields of the items to judge; empty: the whole text."""

    def check(self) -> None:
        """See `Gate.check`."""
        self._loaded()

    def files(self) -> Sequence[Path]:
        """See `Gate.files`."""
        from curate.models.classifier import CARD, model_file

        file = model_file(self.model)
        return [path for path in (file, file.parent / CARD) if path.is_file()]

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Rejects candidates with a lower probability."""
        classifier, label = self._loaded()
        scores = classifier.probability(pa.array([field_text(one, self.fields) for one in candidates], pa.large_string()), label)
        return [Rejection("classifier/unlikely", float(score), self.min_score, label) if score < self.min_score else None for score in scores]

    def _loaded(self) -> tuple[Any, str]:
        from curate.models.classifier import known_label, load_classifier

        classifier = load_classifier(self.model)
        return classifier, known_label(classifier, self.label, self.model)
