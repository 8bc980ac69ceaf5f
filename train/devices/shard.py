"""FSDP2: parameters, gradients and moments are sharded over the processes; a layer is whole only while it computes (arXiv 2304.11277; torch's
`fully_shard`).

Every process builds the network without memory; rank 0 also holds the weights and distributes them, parameter by parameter.
"""

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from train.devices.world import World
from train.errors import TrainError
from train.model import CausalModel
from train.recipe import ShardingRecipe


def shard(model: CausalModel, full: nn.Module | None, world: World, dtype: torch.dtype, settings: ShardingRecipe) -> CausalModel:
    """Shard `model`, whose network has no memory yet (device meta), and fill it from `full`, the same network on rank 0's CPU (None on other ranks).

    Layers compute in `dtype`; parameters keep their dtype, and gradients are summed in float32.
    """
    mesh = device_mesh(world, settings)
    options = {"mesh": mesh, "mp_policy": MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)}
    for layer in model.layers():
        fully_shard(layer, reshard_after_forward=settings.reshard_after_forward, **options)  # type: ignore[call-overload]
    fully_shard(model, reshard_after_forward=False, **options)  # type: ignore[call-overload]
    model.to_empty(device=world.device)
    _fill(model.network, dict(full.named_parameters()) if full is not None else {})
    _copy_buffers(model.network, full, world)
    return model


def device_mesh(world: World, settings: ShardingRecipe) -> DeviceMesh:
    """One dimension with all processes, or groups of `shard_ranks` processes that each hold one replica of the model (hybrid sharding). Raises TrainError
    if `shard_ranks` does not divide the number of processes."""
    size = settings.shard_ranks or world.size
    if world.size % size:
        raise TrainError(f"sharding.shard_ranks: {size} does not divide the {world.size} processes")
    if size == world.size:
        return init_device_mesh(world.device.type, (world.size,), mesh_dim_names=("shard",))
    return init_device_mesh(world.device.type, (world.size // size, size), mesh_dim_names=("replicate", "shard"))


@torch.no_grad()
def _fill(network: nn.Module, full: Mapping[str, Tensor]) -> None:
    for name, parameter in network.named_parameters():
        assert isinstance(parameter, DTensor)
        device = parameter.to_local().device
        source = full[name].to(device) if full else torch.empty(parameter.shape, dtype=parameter.dtype, device=device)
        parameter.copy_(distribute_tensor(source, parameter.device_mesh, parameter.placements))


def _copy_buffers(network: nn.Module, full: nn.Module | None, world: World) -> None:
    """Buffers are small, so every process holds all of them, including those that no checkpoint has (rotary frequencies)."""
    known = dict(full.named_buffers()) if full is not None else {}
    for name, buffer in network.named_buffers():
        if known:
            buffer.copy_(known[name])
        if world.is_joined:
            dist.broadcast(buffer, 0)
