"""Changes to a recipe whose run does not fit on its device, and how much memory each change saves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from train.adapt.recipe import AdaptRecipe, LoraRecipe
from train.plan.gpus import GIB
from train.plan.memory import Memory
from train.recipe import TrainRecipe

MemoryOf = Callable[[TrainRecipe, int], Memory]
"""(recipe, number of devices) → planned memory."""

_MOST_DEVICES = 1024


@dataclass(frozen=True)
class Change:
    """A change in the words of the recipe, and the bytes that the changed run takes on each device."""

    change: str
    total: int


def changes_that_help(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> list[Change]:
    """Changes that save memory, the least costly first; each one is planned, not estimated. `available`: bytes of each device."""
    return [
        Change(setting, memory.total)
        for setting, changed, devices in _changes(recipe, n_devices, available, memory_of)
        if (memory := memory_of(changed, devices)).total < memory_of(recipe, n_devices).total
    ]


def summary(changes: list[Change], available: int) -> str:
    """One clause for a message: the changes that fit, or the one that comes closest."""
    fitting = [change for change in changes if change.total <= available]
    if fitting:
        return "; it would fit with " + ", or ".join(f"{change.change} ({change.total / GIB:.1f} GiB)" for change in fitting)
    if not changes:
        return ""
    nearest = min(changes, key=lambda change: change.total)
    return f"; no single change is enough, {nearest.change} comes closest ({nearest.total / GIB:.1f} GiB)"


def most_rows(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> int:
    """Largest `micro_batch_rows` that fits; 0 if not even one row does. A step's memory is linear in its rows."""
    one, two = (memory_of(recipe.model_copy(update={"micro_batch_rows": n}), n_devices).total for n in (1, 2))
    if one > available:
        return 0
    return 1 + (available - one) // max(1, two - one)


def _changes(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> Iterator[tuple[str, TrainRecipe, int]]:
    rows = min(most_rows(recipe, n_devices, available, memory_of), recipe.micro_batch_rows - 1)
    if rows > 0:
        yield f"micro_batch_rows: {rows}", recipe.model_copy(update={"micro_batch_rows": rows}), n_devices
    stronger = {"none": ("selective", "full"), "selective": ("full",), "full": ()}[recipe.activation_checkpointing]
    for mode in stronger:
        yield f"activation_checkpointing: {mode}", recipe.model_copy(update={"activation_checkpointing": mode}), n_devices
    if recipe.precision == "bf16" and recipe.optimizer.weights == "masters":
        lean = recipe.optimizer.model_copy(update={"weights": "kahan"})
        yield "optimizer.weights: kahan (bfloat16 only)", recipe.model_copy(update={"optimizer": lean}), n_devices
    if recipe.adapt is None:
        yield "adapt: {lora: {rank: 16}} (adapters only)", recipe.model_copy(update={"adapt": AdaptRecipe(lora=LoraRecipe(rank=16))}), n_devices
    least = recipe.model_copy(update={"activation_checkpointing": "full", "micro_batch_rows": 1})
    if stronger:
        yield "activation_checkpointing: full and micro_batch_rows: 1", least, n_devices
    for settings, changed in (("", recipe), ("activation_checkpointing: full, micro_batch_rows: 1 and ", least)):
        devices = _devices_needed(changed, n_devices, available, memory_of)
        if devices:
            yield f"{settings}{devices} such devices (torchrun)", changed, devices
            break


def _devices_needed(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> int | None:
    """Smallest number of devices, doubling from `n_devices`, on which the sharded run fits; None if there is none up to the limit."""
    devices = max(2, 2 * n_devices)
    while devices <= _MOST_DEVICES:
        if memory_of(recipe, devices).total <= available:
            return devices
        devices *= 2
    return None
