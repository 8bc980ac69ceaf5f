"""A fastText classifier as a judge of candidates."""

from collections.abc import Sequence
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import Field

from curate.synthesize.gates.fields import field_text
from curate.synthesize.types import Candidate, Rejection
from shards.recipe import Recipe


class ClassifierGate(Recipe):
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

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Rejects candidates with a lower probability. Raises CurateError for a model or label that is not there."""
        from curate.models.classifier import known_label, load_classifier

        classifier = load_classifier(self.model)
        label = known_label(classifier, self.label, self.model)
        scores = classifier.probability(pa.array([field_text(one, self.fields) for one in candidates], pa.large_string()), label)
        return [Rejection("classifier/unlikely", float(score), self.min_score, label) if score < self.min_score else None for score in scores]
