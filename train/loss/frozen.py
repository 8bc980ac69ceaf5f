"""A second model that is only read: the reference of a selective loss, the teacher of a distillation."""

from typing import Any

import torch
from torch import Tensor

from train.batch import Batch
from train.loss.head import Head


class FrozenModel:
    """`model` is a CausalModel whose parameters take no gradients. Every rank holds all of it: it is never sharded, and no part of checkpoints."""

    def __init__(self, model: Any) -> None:
        self.model = model
        model.network.requires_grad_(False)

    @property
    def head(self) -> Head:
        """Its output head."""
        return self.model.head

    @torch.no_grad()
    def hidden(self, batch: Batch) -> Tensor:
        """(T, D) final hidden states. Documents see only themselves."""
        return self.model.hidden_states(batch)

    @torch.no_grad()
    def nats(self, batch: Batch) -> Tensor:
        """(T,) float32 nats of each target, 0 where ignored."""
        return self.model.nats(batch)
