"""Selective language modelling: train on the tokens from which there is most to learn (Rho-1, arXiv 2404.07965).

A reference model, trained on text of the wanted quality, scores every token of the batch; trained on are the `share` of the targets whose
loss exceeds the reference's by most. The head runs once over all tokens without gradients, then over the chosen ones with: at the published
share of 60% that is less work than the plain loss.
"""

import math
from fractions import Fraction

import torch
from torch import Tensor

from train.batch import Batch
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import IGNORED, Head, Loss
from train.loss.objective import FrozenModel


class Selective:
    """The objective. `share` in (0, 1]: of a micro-batch's n targets, floor(share * n) are trained on; 1 is the plain loss, exactly."""

    def __init__(self, reference: FrozenModel, share: float, z_loss: float = 0.0) -> None:
        self.reference, self.share, self.z_loss = reference, share, z_loss
        self.part_names: tuple[str, ...] = ("z_loss", "chosen_loss") if z_loss else ("chosen_loss",)

    def __call__(self, hidden: Tensor, head: Head, batch: Batch) -> Loss:
        """Loss of a batch whose final hidden states are `hidden` (T, D). `total` is scaled by n / chosen: divided by the number of all
        targets it is the mean over the chosen ones. The part `chosen_loss` is that total."""
        targets = batch.targets.flatten()
        count = n_chosen(self.share, batch.n_targets)
        if count == batch.n_targets:
            loss = linear_cross_entropy(hidden, head, targets, z_loss=self.z_loss)
            return loss._replace(parts=loss.parts | {"chosen_loss": loss.total.detach()})
        with torch.no_grad():
            nats = linear_cross_entropy(hidden, head, targets).nats
        chosen = choose(nats - self.reference.nats(batch), targets, count)
        loss = linear_cross_entropy(hidden.index_select(0, chosen), head, targets[chosen], z_loss=self.z_loss)
        scale = batch.n_targets / max(1, count)
        parts = {name: value * scale for name, value in loss.parts.items()}
        return Loss(loss.total * scale, nats, parts | {"chosen_loss": loss.total.detach() * scale})


def n_chosen(share: float, n_targets: int) -> int:
    """floor(share * n_targets), of the share as it is written: 0.29 of 100 is 29, not 28 as in binary fractions."""
    return math.floor(Fraction(str(share)) * n_targets)


def choose(excess: Tensor, targets: Tensor, count: int) -> Tensor:
    """Places of the `count` targets with the largest `excess` (T,), in order, (count,) int64; of equal ones the first. Waits for no device."""
    excess = excess.masked_fill(targets == IGNORED, -math.inf)
    return excess.argsort(descending=True, stable=True)[:count].sort().values
