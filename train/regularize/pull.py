"""Pulls weights towards the base model's with a quadratic penalty: L2-SP (arXiv 1802.01483) and elastic weight consolidation (arXiv 1612.00796)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from train.optimize.local import local, sum_over_shards
from train.optimize.rounding import Store, slices
from train.optimize.weights import TrainedWeights
from train.regularize.recipe import Place

_EVERYTHING = slice(None)


def base_values(weights: TrainedWeights) -> dict[str, Tensor]:
    """Copy of this rank's part of each trained weight, in bfloat16 where that loses nothing (a base model stored in bfloat16), else in float32."""
    return {name: _lean_copy(store) for name, store in weights.stores.items()}


def _lean_copy(store: Store) -> Tensor:
    values = store.read(_EVERYTHING)
    rounded = values.bfloat16()
    return rounded if rounded.float().equal(values) else values.clone()


class PullToBase:
    """A `Regularizer` with the penalty strength / 2 * the sum of importance * (weight - base)² over weights that the step trains.

    `base` and `importance` hold this rank's parts by name; without `importance` every weight has 1. At `gradient` the penalty's gradient is added to the
    loss's. At `step` each weight moves, after the optimizer's update, to the minimum of penalty + (change)² / (2 * lr): a proximal step, which is stable
    however large strength and importance are (proximal view of AdamW's decay: arXiv 2202.00089).
    """

    def __init__(
        self, name: str, weights: TrainedWeights, base: Mapping[str, Tensor], strength: float, at: Place, importance: Mapping[str, Tensor] | None = None
    ) -> None:
        self._name, self._weights, self._base, self._strength, self._at, self._importance = name, weights, base, strength, at, importance

    def before_update(self) -> dict[str, Tensor]:
        """See `Regularizer`. The penalty is that of the weights before the update."""
        first = next(iter(self._weights.masters.values()))
        penalty = torch.zeros((), dtype=torch.float64, device=first.device)
        for name, master in self._weights.masters.items():
            if master.grad is None:
                continue
            gradient = local(master.grad)
            for rows in slices(master):
                distance = self._distance(name, rows)
                pull = distance * self._coefficients(name, rows)
                penalty += (pull * distance).sum() / 2
                if self._at == "gradient":
                    gradient[rows] += pull
        return {self._name: sum_over_shards(penalty, first)}

    def after_update(self, lr: float, skip: Tensor) -> None:
        """See `Regularizer`."""
        if self._at == "gradient":
            return
        for name, master in self._weights.masters.items():
            if master.grad is None:
                continue
            rate, store = lr * self._weights.rate_factors[name], self._weights.stores[name]
            for rows in slices(master):
                step = rate * self._coefficients(name, rows)
                store.write(rows, store.read(rows) - self._distance(name, rows) * (step / (1 + step)), skip)

    def _distance(self, name: str, rows: slice) -> Tensor:
        return self._weights.stores[name].read(rows) - self._base[name][rows]

    def _coefficients(self, name: str, rows: slice) -> Tensor | float:
        return self._strength if self._importance is None else self._importance[name][rows].float() * self._strength
