"""Float32 master weights and AdamW over them, whatever precision the forward pass runs in."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from train.recipe import Optimizer


class StepResult(NamedTuple):
    """Scalars on the device: L2 norm of the gradients before clipping, and whether the step was left out."""

    grad_norm: Tensor
    skipped: Tensor


class MasterWeights:
    """The weights that are trained. `masters` maps parameter names to float32 tensors.

    In float32, and where parameters are sharded (FSDP2 makes the copies), they are the network's own parameters. Otherwise the network
    computes with copies of `dtype`, and each gradient is added to its master's in float32 as soon as it is complete, so that
    accumulation over micro-batches loses nothing.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype, settings: Optimizer) -> None:
        self._working = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
        self.masters: dict[str, Tensor] = dict(self._working)
        self._copied = dtype != torch.float32 and not any(isinstance(tensor, DTensor) for tensor in self.masters.values())
        if self._copied:
            self.masters = {name: parameter.detach().clone().requires_grad_() for name, parameter in self._working.items()}
            for name, parameter in self._working.items():
                parameter.data = parameter.data.to(dtype)
                parameter.register_post_accumulate_grad_hook(_move_gradient_to(self.masters[name]))
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

        for tensor in self.masters.values():
            self.optimizer.state[tensor] = {
                "step": torch.zeros((), dtype=torch.float32, device=tensor.device),
                "exp_avg": torch.zeros_like(tensor),
                "exp_avg_sq": torch.zeros_like(tensor),
            }

    def step(self, lr: float, loss: Tensor) -> StepResult:
        """One AdamW step on the gradients gathered since the last; `loss` is that of the step, a scalar on the device."""
        norm = torch.nn.utils.clip_grad_norm_(self.masters.values(), self._clip if self._clip is not None else float("inf"))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.refresh()
        return StepResult(norm.full_tensor() if isinstance(norm, DTensor) else norm, torch.zeros_like(loss))

    def refresh(self) -> None:
        """Bring the network's copies up to the masters, after these were written to."""
        if self._copied:
            torch._foreach_copy_([parameter.data for parameter in self._working.values()], list(self.masters.values()))

    def state(self) -> dict[str, Tensor]:
        """Everything a resumed run needs, by name: `weight.NAME`, and `exp_avg.NAME`, `exp_avg_sq.NAME`, `step.NAME` of AdamW. To resume, write to these."""
        tensors = {f"weight.{name}": tensor.detach() for name, tensor in self.masters.items()}
        for name, tensor in self.masters.items():
            for moment, value in self.optimizer.state[tensor].items():
                tensors[f"{moment}.{name}"] = value
        return tensors


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
