"""Muon: orthogonalized momentum, for the matrices between embeddings and head.

Muon: kellerjordan.github.io/posts/muon. The scale makes updates as large as AdamW's, so that both share a learning rate: arXiv 2502.16982.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from train.optimize.adamw import MakeMoment
from train.optimize.local import shard_group
from train.optimize.recipe import OptimizerRecipe
from train.optimize.rounding import Store

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_EPS = 1e-7
_RMS_OF_ADAMW = 0.2
"""Root mean square of AdamW's updates divided by the learning rate, measured in arXiv 2502.16982."""

_EVERYTHING = slice(None)


@dataclass(frozen=True)
class Fused:
    """Layout of a matrix that fuses `parts` matrices: interleaved by head along its rows (`heads` times), or side by side along its columns."""

    parts: int = 1
    heads: int = 1
    along_columns: bool = False

    def split(self, matrix: Tensor) -> Tensor:
        """Split the matrix into (parts, rows, columns)."""
        if self.along_columns:
            return matrix.unflatten(1, (self.parts, -1)).transpose(0, 1)
        return matrix.unflatten(0, (self.heads, self.parts, -1)).transpose(0, 1).flatten(1, 2)

    def join(self, parts: Tensor) -> Tensor:
        """Inverse of `split`."""
        if self.along_columns:
            return parts.transpose(0, 1).flatten(1)
        return parts.unflatten(1, (self.heads, -1)).transpose(0, 1).flatten(0, 2)

    def part_shape(self, shape: torch.Size) -> tuple[int, int]:
        """(rows, columns) of one part of a matrix of `shape`."""
        rows, columns = shape
        return (rows, columns // self.parts) if self.along_columns else (rows // self.parts, columns)


def hidden_matrices(network: nn.Module) -> list[str]:
    """Names of the matrices that Muon trains: all except embeddings (of tokens or positions), the output head and frozen ones."""
    embeddings = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    head = getattr(network, "get_output_embeddings", lambda: None)()
    excluded = embeddings | {id(getattr(head, "weight", None))}
    return [name for name, parameter in network.named_parameters() if parameter.requires_grad and parameter.ndim == 2 and id(parameter) not in excluded]


def fused_parts(network: nn.Module, name: str) -> Fused:
    """Layout of the parameter `name` in architectures that fuse query, key and value; other parameters have one part."""
    config = getattr(network, "config", None)
    match getattr(config, "model_type", None), name.split(".")[-2:]:
        case "gpt2", ["c_attn", "weight"]:
            return Fused(parts=3, along_columns=True)
        case "gpt_neox", ["query_key_value", "weight"]:
            return Fused(parts=3, heads=config.num_attention_heads)  # type: ignore[union-attr]
    return Fused()


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
    """Muon on named matrices, whole or sharded by rows."""

    def __init__(
        self, network: nn.Module, weights: Mapping[str, Tensor], stores: Mapping[str, Store], settings: OptimizerRecipe, make_moment: MakeMoment
    ) -> None:
        self._weights, self._stores, self._settings = weights, stores, settings
        self._momentum = {name: make_moment(tensor, True) for name, tensor in weights.items()}
        self._parts = {name: fused_parts(network, name) for name in weights}

    def state(self) -> dict[str, Tensor]:
        """`momentum.NAME`, with the parts of stores as `momentum.PART.NAME`."""
        return {".".join(filter(None, ("momentum", part, name))): tensor for name, store in self._momentum.items() for part, tensor in store.tensors.items()}

    def step(self, gradients: Mapping[str, Tensor], lr: float, shrink: Tensor, skip: Tensor) -> None:
        """See `UpdateRule`. Ranks share the work: each orthogonalizes other matrices."""
        names = sorted(gradients, key=lambda name: (-self._weights[name].numel(), name))  # equal sizes together, so that ranks are equally busy
        size = _world([self._weights[name] for name in names])
        for first in range(0, len(names), size):
            group = names[first : first + size]
            looks = [self._look_ahead(name, gradients[name].float() * shrink, skip) for name in group]
            for name, update in zip(group, self._orthogonal(group, looks), strict=True):
                self._apply(name, update, lr, skip)

    def _look_ahead(self, name: str, gradient: Tensor, skip: Tensor) -> Tensor:
        """Update the momentum; returns this rank's rows of Nesterov's look-ahead, bfloat16."""
        beta, store = self._settings.momentum, self._momentum[name]
        momentum = store.read(_EVERYTHING).lerp(gradient, 1 - beta)
        store.write(_EVERYTHING, momentum, skip)
        return gradient.lerp(momentum, beta).bfloat16()

    def _orthogonal(self, names: Sequence[str], looks: Sequence[Tensor]) -> list[Tensor]:
        """This rank's rows of each orthogonalized matrix."""
        first = self._weights[names[0]]
        if not isinstance(first, DTensor):
            return [self._whole(name, look) for name, look in zip(names, looks, strict=True)]
        group, shapes = shard_group(first), [self._weights[name].shape for name in names]
        rank, mine = dist.get_rank(group), gather_one_each(looks, shapes, group)
        return scatter_one_each(self._whole(names[rank], mine) if rank < len(names) else mine, shapes, group)

    def _whole(self, name: str, matrix: Tensor) -> Tensor:
        fused = self._parts[name]
        return fused.join(orthogonalize(fused.split(matrix)))

    def _apply(self, name: str, update: Tensor, lr: float, skip: Tensor) -> None:
        store, fused = self._stores[name], self._parts[name]
        scale = _RMS_OF_ADAMW * math.sqrt(max(fused.part_shape(self._weights[name].shape)))
        shrunk = store.read(_EVERYTHING) * (1 - lr * self._settings.weight_decay)
        store.write(_EVERYTHING, shrunk.sub_(update.float(), alpha=lr * scale), skip)


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
