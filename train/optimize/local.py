"""A rank's local part of whole or sharded tensors (DTensor), and new tensors with the same placement."""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor, Shard


def local(tensor: Tensor) -> Tensor:
    """The rank's part of a sharded tensor, or the tensor itself; shares its memory, without gradient. A scalar is returned as (1,)."""
    with torch.no_grad():
        part = tensor.to_local() if isinstance(tensor, DTensor) else tensor.detach()
    return part if part.ndim else part.view(1)


def zeros_beside(tensor: Tensor, dtype: torch.dtype, columns: int | None = None) -> Tensor:
    """Zeros with the placement and shape of `tensor`. With `columns`, their shape is (rows of `tensor`, `columns`); `tensor` must have two or more axes,
    and may be sharded only by rows."""
    if columns is None:
        return torch.zeros_like(tensor, dtype=dtype, requires_grad=False)
    part = torch.zeros(local(tensor).shape[0], columns, dtype=dtype, device=tensor.device)
    if not isinstance(tensor, DTensor):
        return part
    shape = torch.Size((tensor.shape[0], columns))
    return DTensor.from_local(part, tensor.device_mesh, tensor.placements, run_check=False, shape=shape, stride=(columns, 1))


def shard_group(tensor: DTensor) -> dist.ProcessGroup:
    """The process group that `tensor` is sharded over, by rows."""
    for dimension, placement in enumerate(tensor.placements):
        if isinstance(placement, Shard):
            if placement.dim != 0:
                raise NotImplementedError(f"sharded along axis {placement.dim}; only axis 0 is supported")
            return tensor.device_mesh.get_group(dimension)
    raise NotImplementedError(f"{tensor.placements}: not sharded over any ranks")


def shard_rank(tensor: Tensor) -> int:
    """This rank's index in the group that `tensor` is sharded over, 0 if it is whole; the same in all replicas of a model (hybrid sharding)."""
    return dist.get_rank(shard_group(tensor)) if isinstance(tensor, DTensor) else 0


def sum_over_shards(values: Tensor, of: Tensor) -> Tensor:
    """Sum `values`, which each rank computed from its part of the tensor `of`, over all parts, in place; the same on every rank. Whole tensors have one
    part."""
    if isinstance(of, DTensor):
        dist.all_reduce(values, group=shard_group(of))
    return values


def total_norm(tensors: list[Tensor]) -> Tensor:
    """L2 norm of all tensors together, including all shards; a float32 scalar on the device, the same on every rank."""
    whole = [tensor for tensor in tensors if not isinstance(tensor, DTensor)]
    sharded = [tensor for tensor in tensors if isinstance(tensor, DTensor)]
    norms = [torch.nn.utils.get_total_norm(whole)] if whole else []
    if sharded:
        norm = torch.nn.utils.get_total_norm(sharded)
        norms.append(norm.full_tensor() if isinstance(norm, DTensor) else norm)
    if not norms:
        return torch.zeros(())
    norms = [norm.float() for norm in norms]
    return norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack(norms))
