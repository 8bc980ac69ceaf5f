"""The trained weights in their configured precision, and one optimizer step over them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from train.errors import TrainError
from train.optimize.adamw import FusedAdamW, StoredAdamW, UpdateRule
from train.optimize.averages import Averages, input_embedding, redraw
from train.optimize.layer_rates import rate_factors
from train.optimize.local import local, shard_rank, total_norm
from train.optimize.muon import Muon, hidden_matrices
from train.optimize.recipe import AveragingRecipe, OptimizerRecipe
from train.optimize.rounding import Blocks8, Exact, Kahan, Noise, Stochastic, Store
from train.optimize.spikes import SpikeGuard

_CLIP_EPS = 1e-6


class _RuleOfGroup(NamedTuple):
    """The update rule of the weights in `names`, whose learning rate is multiplied by `factor`."""

    names: list[str]
    factor: float
    rule: UpdateRule


class StepResult(NamedTuple):
    """Scalars on the device: L2 norm of the gradients before clipping, float32; whether the step was skipped, bool."""

    grad_norm: Tensor
    skipped: Tensor


def check_precision(settings: OptimizerRecipe, dtype: torch.dtype) -> None:
    """Raise TrainError for bfloat16 weights without masters if the precision is not bfloat16."""
    if settings.weights != "masters" and dtype != torch.bfloat16:
        raise TrainError(f"optimizer.weights: {settings.weights} keeps weights in bfloat16; set precision: bf16, or weights: masters")


def cast_parameters(network: nn.Module, dtype: torch.dtype) -> None:
    """Cast float32 parameters, including frozen ones, to `dtype`; buffers (rotary frequencies) do not change."""
    for parameter in network.parameters():
        if parameter.dtype == torch.float32:
            parameter.data = parameter.data.to(dtype)


class TrainedWeights:
    """The parameters of `network` that require a gradient, and everything that changes them. `masters` maps their names to the trained tensors, `stores` to
    what reads and writes them as float32, `rate_factors` to factors of their learning rates. `after_update` is called after the optimizer's update, with
    its learning rate and the flag to skip the step.

    `dtype` is the dtype of forward and backward pass. With `weights: masters` the masters are float32: the network's own parameters if it computes
    in float32 or if they are sharded (then FSDP2 casts them); otherwise separate tensors, of which the network's parameters are copies in `dtype`, and
    each complete gradient is added to its master's gradient in float32. With `stochastic` and `kahan` the masters are the network's bfloat16
    parameters, and micro-batches are summed in bfloat16. `n_steps` is the last step of the run, which redraws no embeddings; `seed` seeds all
    noise. Raises TrainError for incompatible settings.
    """

    def __init__(
        self,
        network: nn.Module,
        dtype: torch.dtype,
        settings: OptimizerRecipe,
        averaging: AveragingRecipe | None = None,
        *,
        seed: int = 0,
        n_steps: int | None = None,
    ) -> None:
        self._settings, self._averaging, self._last_step = settings, averaging or AveragingRecipe(), n_steps
        self._working = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
        if not self._working:
            raise TrainError("no parameter is trained: all are frozen")
        check_precision(settings, dtype)
        self.masters: dict[str, Tensor] = dict(self._working)
        self._copied = settings.weights == "masters" and dtype != torch.float32 and not _is_sharded(self._working)
        self._cast(network, dtype)
        device = next(iter(self.masters.values())).device
        self._noise = Noise(device, seed, shard_rank(next(iter(self.masters.values()))))
        self.stores = {name: self._store(tensor) for name, tensor in self.masters.items()}
        self.rate_factors = rate_factors(network, settings.layer_rates)
        self.after_update: Callable[[float, Tensor], None] = lambda lr, skip: None
        self._rules = self._make_rules(network)
        self._guard = SpikeGuard(settings.skip_spikes, device)
        self.averages = Averages(self.masters, self.stores, self._averaging)
        self._embedding = input_embedding(network)
        self._step, self._n_steps = 0, torch.zeros((), dtype=torch.int64)

    def _cast(self, network: nn.Module, dtype: torch.dtype) -> None:
        if self._copied:
            self.masters = {name: parameter.detach().clone().requires_grad_() for name, parameter in self._working.items()}
            for name, parameter in self._working.items():
                parameter.register_post_accumulate_grad_hook(_move_gradient_to(self.masters[name]))
        if not _is_sharded(self._working):
            cast_parameters(network, dtype)
        elif self._settings.weights != "masters" and any(tensor.dtype != torch.bfloat16 for tensor in self._working.values()):
            raise TrainError(f"optimizer.weights: {self._settings.weights} trains bfloat16 parameters; cast the network before sharding it")

    def _store(self, tensor: Tensor) -> Store:
        if self._settings.weights == "masters":
            return Exact(tensor)
        return (Kahan if self._settings.weights == "kahan" else Stochastic)(tensor, self._noise)

    def _make_rules(self, network: nn.Module) -> list[_RuleOfGroup]:
        """One or two rules for each factor of the learning rate: Muon for hidden matrices, AdamW for everything else."""
        hidden = set(hidden_matrices(network)) if self._settings.kind == "muon" else set()
        groups: dict[tuple[float, bool], dict[str, Tensor]] = {}
        for name, master in sorted(self.masters.items(), key=lambda item: item[0] not in hidden):
            groups.setdefault((self.rate_factors[name], name in hidden), {})[name] = master
        return [_RuleOfGroup(list(group), factor, self._make_rule(network, group, is_hidden)) for (factor, is_hidden), group in groups.items()]

    def _make_rule(self, network: nn.Module, group: dict[str, Tensor], is_hidden: bool) -> UpdateRule:
        settings = self._settings
        if is_hidden:
            return Muon(network, group, self.stores, settings, self._make_moment)
        if settings.weights == "masters" and settings.kind != "adamw8bit":
            return FusedAdamW(group, settings)
        return StoredAdamW(group, self.stores, settings, self._make_moment)

    def _make_moment(self, tensor: Tensor, signed: bool) -> Store:
        """Store of a moment: 8 bits for matrices with adamw8bit, bfloat16 for bfloat16 weights, else float32."""
        if self._settings.kind == "adamw8bit" and tensor.ndim >= 2:
            return Blocks8(tensor, signed=signed)
        zeros = torch.zeros_like(tensor, dtype=torch.float32 if self._settings.weights == "masters" else torch.bfloat16, requires_grad=False)
        return Exact(zeros) if self._settings.weights == "masters" else Stochastic(zeros, self._noise)

    @torch.no_grad()
    def step(self, lr: float, loss: Tensor) -> StepResult:
        """One optimizer step with the gradients accumulated since the last step, which are then dropped.

        `loss` (a scalar, the same on every rank) and the gradient norm decide whether the step is applied: it is skipped if they are not finite, or
        with `skip_spikes` if one is a spike. A skipped step does not change weights and moments.
        """
        self._step += 1
        self._noise.begin(self._step)
        gradients = {name: tensor.grad for name, tensor in self.masters.items() if tensor.grad is not None}
        norm = total_norm(list(gradients.values()))
        skip = self._guard.is_bad(loss.to(norm.device), norm)
        shrink = (self._settings.clip / (norm + _CLIP_EPS)).clamp(max=1.0) if self._settings.clip is not None else torch.ones_like(norm)
        for names, factor, rule in self._rules:
            rule.step({name: local(gradients[name]) for name in names if name in gradients}, lr * factor, shrink, skip)
        self.after_update(lr, skip)
        self.drop_gradients()
        self.averages.after_step(self._step)
        self._forget()
        self._copy()
        return StepResult(norm, skip)

    def drop_gradients(self) -> None:
        """Drop the gradients accumulated since the last step."""
        for tensor in self.masters.values():
            tensor.grad = None

    def _forget(self) -> None:
        forget = self._averaging.forget_embeddings
        if forget and self._embedding and self._step % forget.every_steps == 0 and self._step != self._last_step:
            redraw(self.masters[self._embedding], self.stores[self._embedding], self._noise, forget.std)

    def _copy(self) -> None:
        if self._copied:
            torch._foreach_copy_([parameter.data for parameter in self._working.values()], list(self.masters.values()))

    def state(self) -> dict[str, Tensor]:
        """Everything that a resumed run needs, by name: `weight.NAME`, the state of update rules, spike guard and averages, and `steps` taken. It is
        complete before the first step, too. Load a checkpoint into these tensors in place, then call `refresh`."""
        tensors: dict[str, Tensor] = {"steps": self._n_steps.fill_(self._step)}
        for name, store in self.stores.items():
            tensors |= {".".join(filter(None, ("weight", part, name))): tensor.detach() for part, tensor in store.tensors.items()}
        for _, _, rule in self._rules:
            tensors |= rule.state()
        return tensors | self._guard.state() | self.averages.state()

    def forked_state(self, *, moments: bool) -> dict[str, Tensor]:
        """The part of `state` that a new run may take from another run's checkpoint: the weights, with `moments` also the state of update rules."""
        tensors = {name: tensor for name, tensor in self.state().items() if name.startswith("weight.")}
        for _, _, rule in self._rules if moments else ():
            tensors |= rule.state()
        return tensors

    def refresh(self) -> None:
        """Update everything derived from the state's tensors after a checkpoint was loaded into them."""
        self._step = int(self._n_steps)
        with torch.no_grad():
            self._copy()


def _is_sharded(parameters: dict[str, Any]) -> bool:
    return any(isinstance(parameter, DTensor) for parameter in parameters.values())


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
