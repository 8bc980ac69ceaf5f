"""AdamW over float32 weights in one fused call, and over weights and moments stored in lower precision.

Both take unclipped gradients; the clipping factor and the flag to skip the step are scalars on the device, so a step never waits for it.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from train.optimize.local import local, zeros_beside
from train.optimize.recipe import OptimizerRecipe
from train.optimize.rounding import Store, slices

MakeMoment = Callable[[Tensor, bool], Store]
"""(parameter, whether values have a sign) → the store of its moment."""


class UpdateRule(Protocol):
    """The optimizer's update of a group of parameters."""

    def state(self) -> dict[str, Tensor]:
        """Optimizer state by `KIND.NAME`; a checkpoint is loaded into these tensors in place."""

    def step(self, gradients: Mapping[str, Tensor], lr: float, shrink: Tensor, skip: Tensor) -> None:
        """Update the weights that have a gradient. `gradients`: by name, this rank's rows. `shrink`: float32 scalar that multiplies them.
        `skip`: boolean scalar; if true, nothing changes."""


class FusedAdamW:
    """torch's AdamW (arXiv 1711.05101) on float32 weights and moments; decay on matrices only."""

    def __init__(self, weights: Mapping[str, Tensor], settings: OptimizerRecipe) -> None:
        self._weights, self._settings = weights, settings
        self._moments = {kind: {name: zeros_beside(tensor, torch.float32) for name, tensor in weights.items()} for kind in ("exp_avg", "exp_avg_sq")}
        self._steps = _counters(weights)

    def state(self) -> dict[str, Tensor]:
        """`exp_avg.NAME`, `exp_avg_sq.NAME`, and `steps.NAME`: number of steps that changed this weight."""
        moments = {f"{kind}.{name}": tensor for kind, tensors in self._moments.items() for name, tensor in tensors.items()}
        return moments | {f"steps.{name}": steps for name, steps in self._steps.items()}

    def step(self, gradients: Mapping[str, Tensor], lr: float, shrink: Tensor, skip: Tensor) -> None:
        """See `UpdateRule`. Multiplies `gradients` in place."""
        if not gradients:
            return
        torch._foreach_mul_(list(gradients.values()), shrink)
        for decayed in (True, False):
            self._call([name for name in gradients if _decays(name, self._weights[name]) == decayed], gradients, lr, decayed, skip.float())

    def _call(self, names: list[str], gradients: Mapping[str, Tensor], lr: float, decayed: bool, skip: Tensor) -> None:
        (beta1, beta2), settings = self._settings.betas, self._settings
        adamw(
            [local(self._weights[name]) for name in names],
            [gradients[name] for name in names],
            [local(self._moments["exp_avg"][name]) for name in names],
            [local(self._moments["exp_avg_sq"][name]) for name in names],
            [],
            [self._steps[name] for name in names],
            fused=True,
            found_inf=skip,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=lr,
            weight_decay=settings.weight_decay if decayed else 0.0,
            eps=settings.eps,
            maximize=False,
        )


def _counters(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: torch.zeros((), dtype=torch.float32, device=tensor.device) for name, tensor in weights.items()}


class StoredAdamW:
    """AdamW in float32 arithmetic, slice by slice: reads weights and moments from their stores, and writes them back."""

    def __init__(self, weights: Mapping[str, Tensor], stores: Mapping[str, Store], settings: OptimizerRecipe, make_moment: MakeMoment) -> None:
        self._weights, self._stores, self._settings = weights, stores, settings
        self._first = {name: make_moment(tensor, True) for name, tensor in weights.items()}
        self._second = {name: make_moment(tensor, False) for name, tensor in weights.items()}
        self._steps = _counters(weights)

    def state(self) -> dict[str, Tensor]:
        """Like `FusedAdamW.state`, with the parts of stores as `exp_avg.PART.NAME`."""
        state = {f"steps.{name}": steps for name, steps in self._steps.items()}
        for kind, stores in (("exp_avg", self._first), ("exp_avg_sq", self._second)):
            for name, store in stores.items():
                state |= {".".join(filter(None, (kind, part, name))): tensor for part, tensor in store.tensors.items()}
        return state

    def step(self, gradients: Mapping[str, Tensor], lr: float, shrink: Tensor, skip: Tensor) -> None:
        """See `UpdateRule`."""
        for name, gradient in gradients.items():
            self._steps[name] += ~skip
            for rows in slices(self._weights[name]):
                self._update(name, rows, gradient[rows].float() * shrink, lr, skip)

    def _update(self, name: str, rows: slice, gradient: Tensor, lr: float, skip: Tensor) -> None:
        (beta1, beta2), steps = self._settings.betas, self._steps[name] + skip
        decay = self._settings.weight_decay if _decays(name, self._weights[name]) else 0.0
        first = self._first[name].read(rows).lerp(gradient, 1 - beta1)
        second = self._second[name].read(rows).lerp(gradient.square(), 1 - beta2)
        root = (second / (1 - beta2**steps)).sqrt_().add_(self._settings.eps)
        change = first / root * (lr / (1 - beta1**steps))
        self._first[name].write(rows, first, skip)
        self._second[name].write(rows, second, skip)
        self._stores[name].write(rows, self._stores[name].read(rows) * (1 - lr * decay) - change, skip)


def _decays(name: str, weight: Tensor) -> bool:
    """Whether weight decay applies: to matrices, but not to vectors, nor to the biases of experts, which are stacked to matrices."""
    return weight.ndim >= 2 and "bias" not in name.rpartition(".")[2]
