"""Muon: orthogonalized momentum, for the matrices between embeddings and head, experts of a mixture included.

Muon: kellerjordan.github.io/posts/muon. The scale makes updates as large as AdamW's, so that both share a learning rate: arXiv 2502.16982.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from train.adapt.parts import is_adapter
from train.adapt.targets import is_router
from train.optimize.adamw import MakeMoment
from train.optimize.fused import fused_parts
from train.optimize.local import shard_group
from train.optimize.recipe import OptimizerRecipe
from train.optimize.rounding import Store, slices

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_EPS = 1e-7
_RMS_OF_ADAMW = 0.2
"""Root mean square of AdamW's updates divided by the learning rate, measured in arXiv 2502.16982."""

_EVERYTHING = slice(None)


def hidden_matrices(network: nn.Module) -> list[str]:
    """Names of the matrices that Muon trains: all weights of layers that are not frozen, and the experts of a mixture.

    AdamW trains the rest: embeddings (of tokens or positions), the output head, biases (those of experts have two dimensions) and routers. A router is a
    classifier over experts, like the head over tokens: each row is one expert's vector, and orthogonal updates would move rarely chosen experts as
    far as others. Practice differs here: nmoe gives routers AdamW, MaxText Muon. Adapters of experts stack all experts in one matrix; they get AdamW, too.
    """
    embeddings = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    head = getattr(network, "get_output_embeddings", lambda: None)()
    excluded = embeddings | {id(getattr(head, "weight", None))}
    return [
        name for name, parameter in network.named_parameters() if parameter.requires_grad and id(parameter) not in excluded and _is_hidden(name, parameter.ndim)
    ]


def _is_hidden(name: str, n_dimensions: int) -> bool:
    module, _, own_name = name.rpartition(".")
    of_experts = "experts" in module.split(".")
    if n_dimensions == 3:
        return of_experts
    return n_dimensions == 2 and own_name == "weight" and not is_router(module) and not (of_experts and is_adapter(name))


def orthogonalize(matrices: Tensor) -> Tensor:
    """(n, rows, columns) → bfloat16 of the same shape with singular values near 1 (0.7 to 1.2) and the same singular vectors.

    Five steps of the quintic Newton–Schulz iteration, in bfloat16 like its author's version. Zeros stay zeros.
    """
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).bfloat16()
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp(min=_EPS)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon:
    """Muon on named matrices and stacks of experts, whole or sharded by their first dimension."""

    def __init__(
        self, network: nn.Module, weights: Mapping[str, Tensor], stores: Mapping[str, Store], settings: OptimizerRecipe, make_moment: MakeMoment
    ) -> None:
        self._weights, self._stores, self._settings = weights, stores, settings
        self._momentum = {name: make_moment(tensor, True) for name, tensor in weights.items()}
        self._parts = {name: fused_parts(network, name) for name in weights}
        self._scales = {name: _RMS_OF_ADAMW * math.sqrt(self._parts[name].longest_side(tensor.shape)) for name, tensor in weights.items()}

    def state(self) -> dict[str, Tensor]:
        """`momentum.NAME`, with the parts of stores as `momentum.PART.NAME`."""
        return {".".join(filter(None, ("momentum", part, name))): tensor for name, store in self._momentum.items() for part, tensor in store.tensors.items()}

    def step(self, gradients: Mapping[str, Tensor], lr: float, shrink: Tensor, skip: Tensor) -> None:
        """See `UpdateRule`. Ranks share the work: each orthogonalizes other matrices, and of experts those that it holds."""
        for name in (name for name in gradients if self._weights[name].ndim == 3):
            for experts in slices(self._weights[name]):
                look = self._look_ahead(name, gradients[name][experts].float() * shrink, skip, experts)
                self._apply(name, self._whole(name, look), lr, skip, experts)
        matrices = [name for name in gradients if self._weights[name].ndim == 2]
        names = sorted(matrices, key=lambda name: (-self._weights[name].numel(), name))  # equal sizes together, so that ranks are equally busy
        size = _world([self._weights[name] for name in names])
        for first in range(0, len(names), size):
            group = names[first : first + size]
            looks = [self._look_ahead(name, gradients[name].float() * shrink, skip) for name in group]
            for name, update in zip(group, self._orthogonal(group, looks), strict=True):
                self._apply(name, update, lr, skip)

    def _look_ahead(self, name: str, gradient: Tensor, skip: Tensor, rows: slice = _EVERYTHING) -> Tensor:
        """Update the momentum of some of this rank's rows (or experts); returns Nesterov's look-ahead, bfloat16."""
        beta, store = self._settings.momentum, self._momentum[name]
        momentum = store.read(rows).lerp(gradient, 1 - beta)
        store.write(rows, momentum, skip)
        return gradient.lerp(momentum, beta).bfloat16()

    def _orthogonal(self, names: Sequence[str], looks: Sequence[Tensor]) -> list[Tensor]:
        """This rank's rows of each orthogonalized matrix."""
        first = self._weights[names[0]]
        if not isinstance(first, DTensor):
            return [self._whole(name, look) for name, look in zip(names, looks, strict=True)]
        group, shapes = shard_group(first), [self._weights[name].shape for name in names]
        rank, mine = dist.get_rank(group), gather_one_each(looks, shapes, group)
        return scatter_one_each(self._whole(names[rank], mine) if rank < len(names) else mine, shapes, group)

    def _whole(self, name: str, parameter: Tensor) -> Tensor:
        """All matrices of a parameter, or of some experts, orthogonalized; a part with shorter sides is scaled down to its own rate."""
        fused = self._parts[name]
        parts = fused.split(parameter)
        longest = fused.longest_side(parameter.shape)
        scales = [math.sqrt(max(part.shape[1:]) / longest) for part in parts]
        updates = [orthogonalize(part) for part in parts]
        return fused.join([update if scale == 1 else update * scale for update, scale in zip(updates, scales, strict=True)], parameter.shape)

    def _apply(self, name: str, update: Tensor, lr: float, skip: Tensor, rows: slice = _EVERYTHING) -> None:
        store, shrunk = self._stores[name], self._stores[name].read(rows) * (1 - lr * self._settings.weight_decay)
        store.write(rows, shrunk.sub_(update.float(), alpha=lr * self._scales[name]), skip)


def _world(tensors: Sequence[Any]) -> int:
    return dist.get_world_size(shard_group(tensors[0])) if tensors and isinstance(tensors[0], DTensor) else 1


def rows_of_rank(n_rows: int, rank: int, world: int) -> int:
    """Number of rows that FSDP2 assigns to a rank: equal parts, rounded up, until no rows remain."""
    each = -(-n_rows // world)
    return max(0, min(each, n_rows - rank * each))


def gather_one_each(parts: Sequence[Tensor], shapes: Sequence[torch.Size], group: dist.ProcessGroup) -> Tensor:
    """Gather the whole matrix i on rank i; every rank holds some rows of each. Ranks without a matrix get (0, 0). One all-to-all."""
    world, rank = dist.get_world_size(group), dist.get_rank(group)
    rows, columns = shapes[rank] if rank < len(shapes) else (0, 0)
    sent = [part.numel() for part in parts] + [0] * (world - len(parts))
    received = [rows_of_rank(rows, other, world) * columns for other in range(world)]
    whole = parts[0].new_empty(sum(received))
    dist.all_to_all_single(whole, torch.cat([part.flatten() for part in parts]), received, sent, group=group)
    return whole.view(rows, columns)


def scatter_one_each(whole: Tensor, shapes: Sequence[torch.Size], group: dist.ProcessGroup) -> list[Tensor]:
    """Inverse of `gather_one_each`: rank i holds matrix i, and every rank gets its rows of each."""
    world, rank = dist.get_world_size(group), dist.get_rank(group)
    mine = [(rows_of_rank(rows, rank, world), columns) for rows, columns in shapes]
    sent = [rows_of_rank(whole.shape[0], other, world) * whole.shape[1] for other in range(world)]
    received = [rows * columns for rows, columns in mine] + [0] * (world - len(shapes))
    flat = whole.new_empty(sum(received))
    dist.all_to_all_single(flat, whole.flatten(), received, sent, group=group)
    return [part.view(shape) for part, shape in zip(flat.split(received[: len(shapes)]), mine, strict=True)]
