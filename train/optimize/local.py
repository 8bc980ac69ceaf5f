"""A rank's own part of tensors, whole or sharded (DTensor), and tensors of the same placement beside them."""

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor, Shard


def local(tensor: Tensor) -> Tensor:
    """The rank's part of a sharded tensor, or the tensor itself; shares its memory, without gradient. A scalar comes as (1,)."""
    with torch.no_grad():
        part = tensor.to_local() if isinstance(tensor, DTensor) else tensor.detach()
    return part if part.ndim else part.view(1)


def zeros_beside(tensor: Tensor, dtype: torch.dtype, columns: int | None = None) -> Tensor:
    """Zeros placed as `tensor`, of its shape; or (its rows, `columns`) for a tensor with two or more axes, which must not be cut but in rows."""
    if columns is None:
        return torch.zeros_like(tensor, dtype=dtype, requires_grad=False)
    part = torch.zeros(local(tensor).shape[0], columns, dtype=dtype, device=tensor.device)
    if not isinstance(tensor, DTensor):
        return part
    shape = torch.Size((tensor.shape[0], columns))
    return DTensor.from_local(part, tensor.device_mesh, tensor.placements, run_check=False, shape=shape, stride=(columns, 1))


def shard_group(tensor: DTensor) -> dist.ProcessGroup:
    """The ranks that `tensor` is cut over, in rows."""
    for dimension, placement in enumerate(tensor.placements):
        if isinstance(placement, Shard):
            if placement.dim != 0:
                raise NotImplementedError(f"cut along axis {placement.dim}; only rows (axis 0) are")
            return tensor.device_mesh.get_group(dimension)
    raise NotImplementedError(f"{tensor.placements}: not cut over any ranks")


def shard_rank(tensor: Tensor) -> int:
    """This rank's number among those that `tensor` is cut over, 0 if it is whole; copies of a model (hybrid sharding) have the same."""
    return dist.get_rank(shard_group(tensor)) if isinstance(tensor, DTensor) else 0


def total_norm(tensors: list[Tensor]) -> Tensor:
    """L2 norm of all tensors together, sharded ones counted whole; a float32 scalar on the device, the same on every rank."""
    parts = [tensor for tensor in tensors if not isinstance(tensor, DTensor)]
    cut = [tensor for tensor in tensors if isinstance(tensor, DTensor)]
    norms = [torch.nn.utils.get_total_norm(parts)] if parts else []
    if cut:
        norm = torch.nn.utils.get_total_norm(cut)
        norms.append(norm.full_tensor() if isinstance(norm, DTensor) else norm)
    if not norms:
        return torch.zeros(())
    norms = [norm.float() for norm in norms]
    return norms[0] if len(norms) == 1 else torch.linalg.vector_norm(torch.stack(norms))
