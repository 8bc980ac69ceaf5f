"""Changes to a recipe whose run does not fit on its devices: the cheapest sets of changes that fit together, planned as the run itself is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from train.adapt.recipe import AdaptRecipe, LoraRecipe
from train.plan.gpus import GIB
from train.plan.memory import Memory, one_batch
from train.recipe import TrainRecipe

MemoryOf = Callable[[TrainRecipe, int], Memory]
"""(recipe, number of devices) → planned memory."""

_MOST_DEVICES = 1024
_MODES = ("none", "selective", "full")
"""Activation checkpointing, by the time that it takes: about 1, 1.1 and 4/3 of a step."""


@dataclass(frozen=True)
class Remedy:
    """Changes in the words of the recipe, the number of devices they are meant for, and the bytes that the changed run takes on each."""

    changes: tuple[str, ...]
    devices: int
    total: int


def remedies(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> list[Remedy]:
    """Sets of changes that fit, `available` bytes on each device; first those that leave the result the same, then those that compromise.

    Within a compromise, more devices are listed only if they save recomputation; a compromise is listed only if it saves devices or recomputation.
    """
    found: list[Remedy] = []
    cheapest: list[tuple[int, int]] = []
    for words, changed in _compromises(recipe):
        for devices, mode, remedy in _fitting(words, recipe, changed, n_devices, available, memory_of):
            if not any(known <= devices and weaker <= mode for known, weaker in cheapest):
                cheapest.append((devices, mode))
                found.append(remedy)
    return found


def summary(found: list[Remedy], n_devices: int) -> str:
    """One clause for a message: the sets of changes that fit."""
    if not found:
        return f"; nothing fits, not even adapters on {_MOST_DEVICES} devices: shorten the rows, or take a smaller model"
    return "; it would fit with " + ", or ".join(f"{_words(remedy, n_devices)} ({remedy.total / GIB:.1f} GiB)" for remedy in found)


def most_rows(recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf) -> int:
    """Largest `micro_batch_rows` that fits; 0 if not even one row does. A step's memory is linear in its rows."""
    one, each = _bytes_by_rows(recipe, n_devices, memory_of)
    return 1 + (available - one) // max(1, each) if one <= available else 0


def _bytes_by_rows(recipe: TrainRecipe, n_devices: int, memory_of: MemoryOf) -> tuple[int, int]:
    """Bytes of a run with one row in a micro-batch, and of each further row."""
    one, two = (memory_of(recipe.model_copy(update={"micro_batch_rows": n}), n_devices).total for n in (1, 2))
    return one, two - one


def _words(remedy: Remedy, n_devices: int) -> str:
    parts = [*remedy.changes] + ([f"{remedy.devices} such devices"] if remedy.devices != n_devices else [])
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _compromises(recipe: TrainRecipe) -> Iterator[tuple[tuple[str, ...], TrainRecipe]]:
    """The recipe itself, the same with more communication, then recipes whose result differs, from the smallest difference to the largest."""
    words: tuple[str, ...] = ()
    changed = recipe
    yield words, changed
    if changed.sharding.reduce_gradients == "step":
        sharding = changed.sharding.model_copy(update={"reduce_gradients": "micro_batch"})
        words, changed = (*words, "sharding.reduce_gradients: micro_batch"), changed.model_copy(update={"sharding": sharding})
        yield words, changed
    if changed.precision == "fp32":
        words, changed = (*words, "precision: bf16"), changed.model_copy(update={"precision": "bf16"})
        yield words, changed
    if changed.optimizer.kind == "adamw":
        words, changed = (*words, "optimizer.kind: adamw8bit"), _with_optimizer(changed, kind="adamw8bit")
        yield words, changed
    if changed.optimizer.weights == "masters":
        yield (*words, "optimizer.weights: kahan"), _with_optimizer(changed, weights="kahan")
    if recipe.adapt is None:
        yield ("adapt: {lora: {rank: 16}}",), recipe.model_copy(update={"adapt": AdaptRecipe(lora=LoraRecipe(rank=16))})


def _with_optimizer(recipe: TrainRecipe, **settings: str) -> TrainRecipe:
    return recipe.model_copy(update={"optimizer": recipe.optimizer.model_copy(update=settings)})


def _fitting(
    words: tuple[str, ...], original: TrainRecipe, recipe: TrainRecipe, n_devices: int, available: int, memory_of: MemoryOf
) -> Iterator[tuple[int, int, Remedy]]:
    """(devices, mode of activation checkpointing, remedy): the fewest devices that fit, then more devices with less recomputation."""
    first, least = _MODES.index(recipe.activation_checkpointing), len(_MODES)
    for devices in _device_counts(n_devices, one_batch(recipe)):
        for mode in range(first, least):
            changed = recipe.model_copy(update={"activation_checkpointing": _MODES[mode]})
            wanted = max(1, min(recipe.micro_batch_rows, one_batch(recipe) // devices))
            one, each = _bytes_by_rows(changed, devices, memory_of)
            if one > available:
                continue
            rows = min(1 + (available - one) // max(1, each), wanted)
            own: tuple[str, ...] = () if rows == wanted else (f"micro_batch_rows: {rows}",)
            own += () if mode == first else (f"activation_checkpointing: {_MODES[mode]}",)
            yield devices, mode, Remedy(words + own, devices, one + (rows - 1) * each)
            least = mode
            break
        if least == first:
            return


def _device_counts(n_devices: int, batch_rows: int) -> list[int]:
    """`n_devices`, and its doubles that a batch can be split over."""
    counts = [n_devices]
    while 2 * counts[-1] <= min(_MOST_DEVICES, batch_rows):
        counts.append(2 * counts[-1])
    return [count for count in counts if batch_rows % count == 0]
