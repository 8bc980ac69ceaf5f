"""Masks the changes of units that old text needs: soft-masking as in DAS (arXiv 2302.03241)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from train.optimize.local import local, sum_over_shards
from train.optimize.rounding import slices
from train.optimize.weights import TrainedWeights
from train.regularize.recipe import SoftMaskRecipe

_EVERYTHING = slice(None)


def kept_shares(importance: Mapping[str, Tensor], settings: SoftMaskRecipe) -> dict[str, Tensor]:
    """Share of its change that each unit keeps, 1 - strength * |tanh(z)|, by name: this rank's part, float32, in the shape of `importance`.

    `importance`: raw importances of units by name, whole or sharded as the weights are. z is the z-score among the units of one tensor; units that are all
    equally important have z = 0.
    """
    first = next(iter(importance.values()))
    parts = {name: local(tensor).double() for name, tensor in importance.items()}
    counts = first.new_tensor([tensor.numel() for tensor in importance.values()], dtype=torch.float64)
    means = sum_over_shards(torch.stack([part.sum() for part in parts.values()]), first) / counts
    centred = {name: part - mean for (name, part), mean in zip(parts.items(), means, strict=True)}
    variances = sum_over_shards(torch.stack([part.square().sum() for part in centred.values()]), first) / counts
    return {name: _kept(part, variance.sqrt(), settings) for (name, part), variance in zip(centred.items(), variances, strict=True)}


def _kept(centred: Tensor, deviation: Tensor, settings: SoftMaskRecipe) -> Tensor:
    scores = torch.where(deviation > 0, centred / deviation, 0.0).tanh()
    return (1 - settings.strength * (scores.abs() if settings.protect_unimportant else scores.clamp_min(0))).float()


class SoftMask:
    """A `Regularizer` that multiplies the change of each unit by its share of `kept`: in the gradient, or in the optimizer's step.

    `kept` holds by name what broadcasts to this rank's part of the weight. At `step` it holds a float32 copy of the weights during the update.
    """

    def __init__(self, weights: TrainedWeights, kept: Mapping[str, Tensor], settings: SoftMaskRecipe) -> None:
        self._weights, self._at = weights, settings.at
        self._kept = kept
        self._before: dict[str, Tensor] = {}

    def before_update(self) -> dict[str, Tensor]:
        """See `Regularizer`."""
        for name, master in self._weights.masters.items():
            if master.grad is None:
                continue
            if self._at == "gradient":
                local(master.grad).mul_(self._kept[name])
            else:
                self._before[name] = self._weights.stores[name].read(_EVERYTHING).clone()
        return {}

    def after_update(self, lr: float, skip: Tensor) -> None:
        """See `Regularizer`."""
        for name, before in self._before.items():
            store = self._weights.stores[name]
            for rows in slices(self._weights.masters[name]):
                store.write(rows, before[rows].lerp(store.read(rows), self._kept[name][rows]), skip)
        self._before = {}
