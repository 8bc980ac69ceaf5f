"""What to change in a recipe whose run doesn't fit on its device, and by how much each change helps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from train.adapt.recipe import AdaptRecipe, LoraRecipe
from train.plan.gpus import GIB
from train.plan.memory import Memory
from train.recipe import TrainRecipe

MemoryOf = Callable[[TrainRecipe, int], Memory]
"""Memory of a recipe on a number of devices."""

_MOST_DEVICES = 1024


@dataclass(frozen=True)
class Way:
    """A change, in words of the recipe, and the bytes that the run takes on each device with it."""

    change: str
    total: int


def ways_to_fit(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> list[Way]:
    """Changes with their memory, the ones that cost least first; none is a guess, each is planned anew. `available` bytes a device has."""
    return [
        Way(words, memory.total)
        for words, changed, devices in _changes(recipe, n_devices, available, memory_of)
        if (memory := memory_of(changed, devices)).total < memory_of(recipe, n_devices).total
    ]


def in_words(ways: list[Way], available: int) -> str:
    """One clause: the ways that fit, or the nearest one if none does."""
    fitting = [way for way in ways if way.total <= available]
    if fitting:
        return "; it would fit with " + ", or ".join(f"{way.change} ({way.total / GIB:.1f} GiB)" for way in fitting)
    if not ways:
        return ""
    nearest = min(ways, key=lambda way: way.total)
    return f"; nothing alone is enough, {nearest.change} comes nearest ({nearest.total / GIB:.1f} GiB)"


def most_rows(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> int:
    """Largest `micro_batch_rows` that fits, 0 if not even one row does. A step's memory is linear in its rows."""
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
        yield "optimizer.weights: kahan (bfloat16 alone)", recipe.model_copy(update={"optimizer": lean}), n_devices
    if recipe.adapt is None:
        yield "adapt: {lora: {rank: 16}} (adapters alone)", recipe.model_copy(update={"adapt": AdaptRecipe(lora=LoraRecipe(rank=16))}), n_devices
    least = recipe.model_copy(update={"activation_checkpointing": "full", "micro_batch_rows": 1})
    if stronger:
        yield "activation_checkpointing: full and micro_batch_rows: 1", least, n_devices
    for words, changed in (("", recipe), ("activation_checkpointing: full, micro_batch_rows: 1 and ", least)):
        devices = _devices_needed(changed, n_devices, available, memory_of)
        if devices:
            yield f"{words}{devices} such devices (torchrun)", changed, devices
            break


def _devices_needed(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> int | None:
    """Fewest devices, doubled from those there are, on which the sharded run fits."""
    devices = max(2, 2 * n_devices)
    while devices <= _MOST_DEVICES:
        if memory_of(recipe, devices).total <= available:
            return devices
        devices *= 2
    return None
