"""A second language model as judge, with a task of its own (Zheng et al. 2023, arXiv 2306.05685)."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from curate.synthesize.gates.base import GateRecipe
from curate.synthesize.generators.recipe import OpenAIRecipe, TransformersRecipe
from curate.synthesize.types import Candidate, Item, Rejection


class JudgeGateRecipe(GateRecipe):
    """Asks about each candidate that all other gates let pass. Its answers are journalled under keys of their own.

    The task's templates read `text` (the candidate), `metadata.passages` (the list of its passages) and `metadata.found` (its items).
    """

    kind: Literal["judge"]
    generator: Annotated[OpenAIRecipe | TransformersRecipe, Field(discriminator="kind")]
    """The model that judges."""
    task: str = Field(default="judge_label", exclude=True)
    """A shipped task by name, or the path of a YAML file, with a `prompt` and a `parser`. Its content enters the run's key, its path does not."""
    task_options: dict[str, Any] = {}
    """Values for the task's `options`."""
    sampling: dict[str, Any] = {}
    """Keys of `sampling` that replace the task's; `samples` is the number of times the judge is asked about a candidate."""
    field: str = "verdict"
    """Field of the parsed item that decides."""
    accept: tuple[str, ...] = ()
    """Labels that let a candidate pass, for a field that holds a label: [pass]."""
    min_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """For `accept`: minimum share of samples with such a label. Default: our choice."""
    min_score: float | None = None
    """Minimum mean of the samples, for a field that holds a number."""

    @model_validator(mode="after")
    def _decides_one_way(self) -> "JudgeGateRecipe":
        if bool(self.accept) == (self.min_score is not None):
            raise ValueError("give either `accept` (labels) or `min_score` (a number)")
        return self

    def decide(self, items: Sequence[Item], n_asked: int) -> Rejection | None:
        """The decision over the first items of `n_asked` answers. An answer that could not be parsed counts as not accepted; a mean leaves it out."""
        values = [str(item.get(self.field, "")).strip() for item in items]
        if self.accept:
            share = sum(value.casefold() in {label.casefold() for label in self.accept} for value in values) / max(n_asked, 1)
            return None if share >= self.min_share else Rejection("judge/refused", share, self.min_share, ", ".join(values))
        assert self.min_score is not None
        scores = [score for value in values if (score := _number(value)) is not None]
        mean = sum(scores) / len(scores) if scores else None
        return None if mean is not None and mean >= self.min_score else Rejection("judge/too_low", mean, self.min_score, ", ".join(values))

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Let all pass here; `curate.synthesize.judges` asks the model about the candidates that are left."""
        return [None] * len(candidates)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
