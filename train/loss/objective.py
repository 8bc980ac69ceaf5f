"""The interface of objectives, the plain one, and the frozen model that others read."""

from typing import Any, Protocol

import torch
from torch import Tensor

from train.batch import MicroBatch
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import Head, Loss


class Objective(Protocol):
    """Computes the loss of a batch from its final hidden states. It may hold a frozen second model."""

    part_names: tuple[str, ...]
    """Names of `Loss.parts`, in order."""

    def __call__(self, hidden: Tensor, head: Head, batch: MicroBatch) -> Loss:
        """Loss of a batch whose final hidden states are `hidden` (T, D). The caller divides its total by the number of targets of all
        micro-batches of all processes, so an objective that averages over fewer tokens scales its total up."""
        ...


class Plain:
    """Cross-entropy of every target, plus `z_loss` times its squared log-sum-exp."""

    def __init__(self, z_loss: float = 0.0) -> None:
        self.z_loss = z_loss
        self.part_names: tuple[str, ...] = ("z_loss",) if z_loss else ()

    def __call__(self, hidden: Tensor, head: Head, batch: MicroBatch) -> Loss:
        """See `Objective`."""
        return linear_cross_entropy(hidden, head, batch.targets.flatten(), z_loss=self.z_loss)


class FrozenModel:
    """A second model that is only read: the reference of a selective loss, or the teacher of a distillation.

    `model` is a CausalModel, whose parameters get no gradients. Every rank holds all of it: it is never sharded, and not part of checkpoints.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        model.network.requires_grad_(False)

    @property
    def head(self) -> Head:
        """Its output head."""
        return self.model.head

    @torch.no_grad()
    def hidden(self, batch: MicroBatch) -> Tensor:
        """(T, D) final hidden states. Tokens attend only within their document."""
        return self.model.hidden_states(batch)

    @torch.no_grad()
    def nats(self, batch: MicroBatch) -> Tensor:
        """(T,) float32 nats of each target, 0 where ignored."""
        return self.model.nats(batch)
