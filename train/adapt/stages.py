"""Which parameters are trained in which step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from train.adapt.recipe import AdaptStageRecipe
from train.errors import TrainError


@dataclass(frozen=True)
class Stages:
    """`trained[i]` names the parameters trained up to step `ends[i]` (inclusive, counted from 1). The optimizer holds those of all stages."""

    trained: Sequence[frozenset[str]]
    ends: Sequence[int]

    def number_at(self, step: int) -> int:
        """Index of the stage that a step belongs to."""
        return next((number for number, end in enumerate(self.ends) if step <= end), len(self.ends) - 1)

    def freeze(self, masters: Mapping[str, Tensor], step: int) -> None:
        """Drop the gradients of parameters not trained in this step. A parameter without a gradient gets no update and no decay, and does not count
        in the gradient norm."""
        trained = self.trained[self.number_at(step)]
        for name, master in masters.items():
            if name not in trained:
                master.grad = None


def stage_ends(stages: Sequence[AdaptStageRecipe], n_steps: int) -> list[int]:
    """The last step of each stage. Raises TrainError if no step remains for the last stage."""
    ends: list[int] = []
    for stage in stages[:-1]:
        length = stage.steps if stage.steps is not None else round((stage.share or 0) * n_steps)
        ends.append((ends[-1] if ends else 0) + max(1, length))
    if ends and ends[-1] >= n_steps:
        raise TrainError(f"adapt.stages: the stages before the last take {ends[-1]} steps, the run has {n_steps}; shorten them")
    return [*ends, n_steps]
