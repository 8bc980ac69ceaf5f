"""Float32 master weights and AdamW over them, whatever precision the forward pass runs in."""

from typing import Any

import torch
from torch import Tensor, nn

from train.recipe import Optimizer

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class MasterWeights:
    """The weights that are trained. `masters` maps parameter names to float32 tensors.

    In float32 they are the network's own parameters. Otherwise the network computes with copies of `dtype`, and each gradient
    is added to its master's in float32 as soon as it is complete, so that accumulation over micro-batches loses nothing.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype, settings: Optimizer) -> None:
        self._working = dict(network.named_parameters())
        self.masters: dict[str, Tensor] = dict(self._working)
        if dtype != torch.float32:
            self.masters = {name: parameter.detach().clone().requires_grad_() for name, parameter in self._working.items()}
            for name, parameter in self._working.items():
                parameter.data = parameter.data.to(dtype)
                parameter.register_post_accumulate_grad_hook(_move_gradient_to(self.masters[name]))
        self._copied = dtype != torch.float32
        self._clip = settings.clip
        matrices = [tensor for tensor in self.masters.values() if tensor.ndim >= 2]
        vectors = [tensor for tensor in self.masters.values() if tensor.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
            lr=settings.lr,
            betas=settings.betas,
            eps=settings.eps,
            fused=True,
        )

    def step(self, lr: float) -> Tensor:
        """One AdamW step on the gradients gathered since the last. Returns their L2 norm before clipping, a scalar on the device."""
        norm = torch.nn.utils.clip_grad_norm_(self.masters.values(), self._clip if self._clip is not None else float("inf"))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._refresh()
        return norm

    def _refresh(self) -> None:
        if self._copied:
            torch._foreach_copy_([parameter.data for parameter in self._working.values()], list(self.masters.values()))

    def state(self) -> dict[str, Tensor]:
        """Everything a resumed run needs, by name: `weight.NAME`, and `exp_avg.NAME`, `exp_avg_sq.NAME`, `step.NAME` of AdamW."""
        tensors = {f"weight.{name}": tensor.detach() for name, tensor in self.masters.items()}
        for name, tensor in self.masters.items():
            for moment, value in self.optimizer.state.get(tensor, {}).items():
                tensors[f"{moment}.{name}"] = value
        return tensors

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `state` gave."""
        with torch.no_grad():
            for name, tensor in self.masters.items():
                tensor.copy_(tensors[f"weight.{name}"])
                found = {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS if f"{moment}.{name}" in tensors}
                if found:
                    self.optimizer.state[tensor] = {moment: value.to(tensor.device) for moment, value in found.items()}
        self._refresh()


def _move_gradient_to(master: Tensor) -> Any:
    def move(parameter: Tensor) -> None:
        gradient = parameter.grad
        assert gradient is not None
        if master.grad is None:
            master.grad = gradient.float()
        else:
            master.grad += gradient
        parameter.grad = None

    return move
