"""Selective language modelling: train on the tokens that teach the most (Rho-1, arXiv 2404.07965).

A reference model, trained on text of the desired quality, scores every token of the batch. Training uses the `share` of targets whose
loss exceeds the reference's loss the most. The head runs once over all tokens without gradients, then over the chosen ones with gradients: at the
published share of 60% this is less work than the plain loss.
"""

import math
from fractions import Fraction

import torch
from torch import Tensor

from train.batch import MicroBatch
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import IGNORED, Head, Loss
from train.loss.objective import FrozenModel


class Selective:
    """The objective. `share` in (0, 1]: floor(share * n) of a micro-batch's n targets are trained on; 1 gives exactly the plain loss."""

    def __init__(self, reference: FrozenModel, share: float, z_loss: float = 0.0) -> None:
        self.reference, self.share, self.z_loss = reference, share, z_loss
        self.part_names: tuple[str, ...] = ("z_loss", "chosen_loss") if z_loss else ("chosen_loss",)

    def __call__(self, hidden: Tensor, head: Head, batch: MicroBatch) -> Loss:
        """Loss of a batch whose final hidden states are `hidden` (T, D). `total` is scaled by n / chosen, so that dividing it by the number of all
        targets gives the mean over the chosen ones. The part `chosen_loss` is that total."""
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
    """floor(share * n_targets) of the decimal share: 0.29 of 100 is 29, not 28 as in binary floating point."""
    return math.floor(Fraction(str(share)) * n_targets)


def choose(excess: Tensor, targets: Tensor, count: int) -> Tensor:
    """Ascending indices (count,) int64 of the `count` targets with the largest `excess` (T,); ties go to the first. Does not wait for the device."""
    excess = excess.masked_fill(targets == IGNORED, -math.inf)
    return excess.argsort(descending=True, stable=True)[:count].sort().values
