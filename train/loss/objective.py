"""What is minimised, as the model sees it."""

from typing import Protocol

from torch import Tensor

from train.batch import Batch
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import Head, Loss


class Objective(Protocol):
    """A loss of final hidden states. It may hold a frozen model of its own."""

    part_names: tuple[str, ...]
    """Names of `Loss.parts`, in order."""

    def __call__(self, hidden: Tensor, head: Head, batch: Batch) -> Loss:
        """Loss of a batch whose final hidden states are `hidden` (T, D). Its total is to be divided by the number of targets of all
        micro-batches of all processes; an objective that averages over fewer tokens scales it up."""
        ...


class Plain:
    """Cross-entropy of every target, plus `z_loss` times its squared log-sum-exp."""

    def __init__(self, z_loss: float = 0.0) -> None:
        self.z_loss = z_loss
        self.part_names: tuple[str, ...] = ("z_loss",) if z_loss else ()

    def __call__(self, hidden: Tensor, head: Head, batch: Batch) -> Loss:
        """See `Objective`."""
        return linear_cross_entropy(hidden, head, batch.targets.flatten(), z_loss=self.z_loss)
