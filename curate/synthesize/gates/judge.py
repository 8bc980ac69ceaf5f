"""A second language model as judge, by a task of its own (Zheng et al. 2023, arXiv 2306.05685)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from curate.errors import CurateError
from curate.synthesize.gates.base import Gate
from curate.synthesize.generators.recipe import OpenAIRecipe, TransformersRecipe
from curate.synthesize.types import Candidate, Item, Rejection

if TYPE_CHECKING:
    from curate.synthesize.task import TaskRecipe


class JudgeGate(Gate):
    """Asks about each candidate that all other gates let pass; its answers are journalled like any, under keys of their own.

    The task's templates read `text` (the candidate), `metadata.passages` (a list: what it was made from) and `metadata.found` (its items).
    """

    kind: Literal["judge"]
    generator: Annotated[OpenAIRecipe | TransformersRecipe, Field(discriminator="kind")]
    """Who judges."""
    task: str = Field(default="judge_label", exclude=True)
    """A shipped task by name, or the path of a YAML file, with a `prompt` and a `parser`. What it says counts, not its place."""
    task_options: dict[str, Any] = {}
    """Values for the task's `options`."""
    sampling: dict[str, Any] = {}
    """Keys of `sampling` that replace the task's; with `samples` above 1 the judge is asked so often."""
    field: str = "verdict"
    """The parsed item's field that decides."""
    accept: tuple[str, ...] = ()
    """Labels that let a candidate pass, for fields that hold a label: [pass]."""
    min_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of `accept`: least share of the samples with such a label. Default ours."""
    min_score: float | None = None
    """Least mean of the samples, for fields that hold a number."""

    @model_validator(mode="after")
    def _decides_one_way(self) -> "JudgeGate":
        if bool(self.accept) == (self.min_score is not None):
            raise ValueError("give either `accept` (labels) or `min_score` (a number)")
        return self

    def check(self) -> None:
        """See `Gate.check`."""
        self.prepared()

    def files(self) -> Sequence[Path]:
        """See `Gate.files`."""
        from curate.synthesize.task import task_file

        return (task_file(self.task),)

    def prepared(self) -> "TaskRecipe":
        """The judge's task, which sees a candidate as one passage. Raises CurateError for one that can't judge."""
        from curate.synthesize.passages import PassageRecipe
        from curate.synthesize.task import fill_task, load_task

        task = fill_task(load_task(self.task), self.task_options, self.sampling, self.task)
        if task.prompt is None:
            raise CurateError(f"gate judge: task {task.name} works by rules; name one with a prompt")
        if task.sure_of_fields and self.field not in task.item_fields:
            raise CurateError(f"gate judge: items of task {task.name} have no field {self.field!r}; they have {', '.join(sorted(task.item_fields))}")
        return task.model_copy(update={"passages": PassageRecipe(max_chars=None, min_chars=0), "gates": ()})

    def decide(self, items: Sequence[Item], n_asked: int) -> Rejection | None:
        """What the first items of the answers come to; answers that no parser could read count as refusals, and against a mean not at all."""
        values = [str(item.get(self.field, "")).strip() for item in items]
        if self.accept:
            share = sum(value.casefold() in {label.casefold() for label in self.accept} for value in values) / max(n_asked, 1)
            return None if share >= self.min_share else Rejection("judge/refused", share, self.min_share, ", ".join(values))
        assert self.min_score is not None
        scores = [score for value in values if (score := _number(value)) is not None]
        mean = sum(scores) / len(scores) if scores else None
        return None if mean is not None and mean >= self.min_score else Rejection("judge/too_low", mean, self.min_score, ", ".join(values))

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]:
        """Lets all pass: the model is asked about what is left (`curate.synthesize.judges`)."""
        return [None] * len(candidates)


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
