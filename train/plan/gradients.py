"""When the gradients of a sharded run are summed over the processes."""

from torch.distributed.fsdp._fully_shard._fsdp_param import FSDPParam

from train.errors import TrainError
from train.plan.advice import MemoryOf
from train.recipe import TrainRecipe

_SHARE = 0.9
"""Share of a device's memory that the plan may take when `auto` decides; the rest is for what the plan does not know."""


def sums_in_float32() -> bool:
    """Whether FSDP2 of this torch sums unreduced gradients in float32. torch 2.15 sums them in the dtype of the computation."""
    return hasattr(FSDPParam, "accumulate_unsharded_grad_if_needed")


def with_reduction(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> TrainRecipe:
    """The recipe with `sharding.reduce_gradients: auto` replaced by the choice: once per step if that fits into `available` bytes of each device and
    loses no precision, else after each micro-batch. `memory_of` plans the memory of a recipe; a model that it cannot plan reduces after each
    micro-batch."""
    if recipe.sharding.reduce_gradients != "auto":
        return recipe
    by_step, by_micro_batch = (
        recipe.model_copy(update={"sharding": recipe.sharding.model_copy(update={"reduce_gradients": when})}) for when in ("step", "micro_batch")
    )
    if recipe.precision != "fp32" and not sums_in_float32():
        return by_micro_batch
    try:
        return by_step if memory_of(by_step, n_devices).total <= _SHARE * available else by_micro_batch
    except TrainError:
        return by_micro_batch
