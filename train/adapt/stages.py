"""Which parameters move in which step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from train.adapt.recipe import StageRecipe
from train.errors import TrainError


@dataclass(frozen=True)
class Stages:
    """`trained[i]` names what moves until step `ends[i]` (inclusive, counted from 1). The optimizer holds all that ever moves."""

    trained: Sequence[frozenset[str]]
    ends: Sequence[int]

    def number_at(self, step: int) -> int:
        """The stage of a step."""
        return next((number for number, end in enumerate(self.ends) if step <= end), len(self.ends) - 1)

    def rest(self, masters: Mapping[str, Tensor], step: int) -> None:
        """Drop the gradients of what rests in this step: without one a parameter neither moves nor decays, nor counts in the norm."""
        trained = self.trained[self.number_at(step)]
        for name, master in masters.items():
            if name not in trained:
                master.grad = None


def stage_ends(stages: Sequence[StageRecipe], n_steps: int) -> list[int]:
    """The last step of each stage. Raises TrainError if no step is left for the last one."""
    ends: list[int] = []
    for stage in stages[:-1]:
        length = stage.steps if stage.steps is not None else round((stage.share or 0) * n_steps)
        ends.append((ends[-1] if ends else 0) + max(1, length))
    if ends and ends[-1] >= n_steps:
        raise TrainError(f"adapt.stages: the stages before the last take {ends[-1]} steps, the run has {n_steps}; shorten them")
    return [*ends, n_steps]
