"""Selects parts of a model by name: groups such as `embeddings` or `layers[4:8]`, and patterns of parameter names."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from train.errors import TrainError

GROUPS = ("all", "embeddings", "head", "norms", "biases", "layers", "new_blocks", "adapters")

_LAYERS = re.compile(r"layers\[(-?\d+)?(:)?(-?\d+)?\]")


class _NoParameters(Exception):
    """A group or pattern that selects nothing, and what to give instead."""


def select(network: Any, groups: Iterable[str], new_blocks: Sequence[int] = (), *, key: str = "adapt") -> set[str]:
    """Names of the parameters in a recipe's groups and patterns; a tied head belongs to the embeddings.

    Parameters that are not floating-point (4-bit weights) belong to no group. Raises TrainError, which names the recipe's `key`, for a group or pattern
    without parameters.
    """
    known = {name: parameter for name, parameter in network.named_parameters() if parameter.is_floating_point()}
    try:
        return {name for group in groups for name in _named(network, group, known, new_blocks)}
    except _NoParameters as error:
        raise TrainError(f"{key}: {error}") from None


def decoder_layers(network: nn.Module) -> nn.ModuleList:
    """The decoder layers: the model's longest list of modules."""
    return max((module for module in network.modules() if isinstance(module, nn.ModuleList)), key=len)


def layers_name(network: nn.Module) -> str:
    """Name of the list of decoder layers, e.g. `model.layers`."""
    layers = decoder_layers(network)
    return next(name for name, module in network.named_modules() if module is layers)


def is_adapter(name: str) -> bool:
    """Whether a parameter is one of peft's LoRA or DoRA parameters."""
    return ".lora_" in name


def _named(network: Any, group: str, known: dict[str, nn.Parameter], new_blocks: Sequence[int]) -> list[str]:
    if group == "all":
        return list(known)
    if group in ("embeddings", "head"):
        module = network.get_input_embeddings() if group == "embeddings" else network.get_output_embeddings()
        members = {id(parameter) for parameter in module.parameters()}
        return [name for name, parameter in known.items() if id(parameter) in members]
    if group == "norms":
        norms = {name for name, module in network.named_modules() if type(module).__name__.lower().endswith(("norm", "layernorm"))}
        return [name for name in known if name.rpartition(".")[0] in norms]
    if group == "biases":
        return [name for name in known if name.endswith(".bias")]
    if group == "adapters":
        return _not_empty(group, [name for name in known if is_adapter(name)], "add adapt.lora")
    if group == "new_blocks":
        return _not_empty(group, _in_blocks(network, known, new_blocks), "add adapt.expand, or name the layers, e.g. layers[4]")
    if group == "layers" or _LAYERS.fullmatch(group):
        return _in_blocks(network, known, _numbers(group, len(decoder_layers(network))))
    hint = f"groups are {', '.join(GROUPS)}, layers[4:8]; parameter names look like {next(iter(known))}"
    return _not_empty(group, [name for name in known if fnmatchcase(name, group)], hint)


def _not_empty(group: str, names: list[str], hint: str) -> list[str]:
    if not names:
        raise _NoParameters(f"{group}: the model has no such parameters; {hint}")
    return names


def _in_blocks(network: nn.Module, known: Iterable[str], numbers: Sequence[int]) -> list[str]:
    prefixes = tuple(f"{layers_name(network)}.{number}." for number in numbers)
    return [name for name in known if name.startswith(prefixes)]


def _numbers(group: str, n_layers: int) -> list[int]:
    """Layer indices of `layers`, `layers[2]`, `layers[:4]`, `layers[-2:]`, which count like Python slices."""
    if group == "layers":
        return list(range(n_layers))
    match = _LAYERS.fullmatch(group)
    assert match is not None
    first, colon, last = match.groups()
    if colon is None:
        if first is None or not -n_layers <= int(first) < n_layers:
            raise _NoParameters(f"{group}: the model has layers 0 to {n_layers - 1}")
        return [int(first) % n_layers]
    numbers = list(range(n_layers))[slice(int(first) if first else None, int(last) if last else None)]
    if not numbers:
        raise _NoParameters(f"{group}: selects no layer; the model has layers 0 to {n_layers - 1}")
    return numbers
