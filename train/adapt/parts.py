"""Names for parts of a model: groups such as `embeddings` or `layers[4:8]`, and patterns of parameter names."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from train.errors import TrainError

GROUPS = ("all", "embeddings", "head", "norms", "biases", "layers", "new_blocks", "adapters")

_LAYERS = re.compile(r"layers\[(-?\d+)?(:)?(-?\d+)?\]")


def select(network: Any, wanted: Iterable[str], new_blocks: Sequence[int] = ()) -> set[str]:
    """Names of the parameters that the words of a recipe mean; a tied head goes with the embeddings.

    Parameters that are not of floats (weights in 4 bits) belong to no group. Raises TrainError for a word that means nothing here.
    """
    known = {name: parameter for name, parameter in network.named_parameters() if parameter.is_floating_point()}
    return {name for word in wanted for name in _named(network, word, known, new_blocks)}


def decoder_layers(network: nn.Module) -> nn.ModuleList:
    """The model's blocks: its longest list of modules."""
    return max((module for module in network.modules() if isinstance(module, nn.ModuleList)), key=len)


def layers_name(network: nn.Module) -> str:
    """Where the blocks are, e.g. `model.layers`."""
    layers = decoder_layers(network)
    return next(name for name, module in network.named_modules() if module is layers)


def is_adapter(name: str) -> bool:
    """Whether a parameter is one of peft's LoRA or DoRA parameters."""
    return ".lora_" in name


def _named(network: Any, word: str, known: dict[str, nn.Parameter], new_blocks: Sequence[int]) -> list[str]:
    if word == "all":
        return list(known)
    if word in ("embeddings", "head"):
        module = network.get_input_embeddings() if word == "embeddings" else network.get_output_embeddings()
        wanted = {id(parameter) for parameter in module.parameters()}
        return [name for name, parameter in known.items() if id(parameter) in wanted]
    if word == "norms":
        inside = [name for name, module in network.named_modules() if type(module).__name__.lower().endswith(("norm", "layernorm"))]
        return [name for name in known if name.rpartition(".")[0] in set(inside)]
    if word == "biases":
        return [name for name in known if name.endswith(".bias")]
    if word == "adapters":
        return _some(word, [name for name in known if is_adapter(name)], "add adapt.lora")
    if word == "new_blocks":
        return _some(word, _in_blocks(network, known, new_blocks), "add adapt.expand, or name the layers, e.g. layers[4]")
    if word == "layers" or _LAYERS.fullmatch(word):
        return _in_blocks(network, known, _numbers(word, len(decoder_layers(network))))
    hint = f"groups are {', '.join(GROUPS)}, layers[4:8]; parameters are named like {next(iter(known))}"
    return _some(word, [name for name in known if fnmatchcase(name, word)], hint)


def _some(word: str, found: list[str], hint: str) -> list[str]:
    if not found:
        raise TrainError(f"adapt: {word}: the model has no such parameters; {hint}")
    return found


def _in_blocks(network: nn.Module, known: Iterable[str], numbers: Sequence[int]) -> list[str]:
    prefixes = tuple(f"{layers_name(network)}.{number}." for number in numbers)
    return [name for name in known if name.startswith(prefixes)]


def _numbers(word: str, n_layers: int) -> list[int]:
    """Layer numbers of `layers`, `layers[2]`, `layers[:4]`, `layers[-2:]`, as Python slices count."""
    if word == "layers":
        return list(range(n_layers))
    match = _LAYERS.fullmatch(word)
    assert match is not None
    first, colon, last = match.groups()
    if colon is None:
        if first is None or not -n_layers <= int(first) < n_layers:
            raise TrainError(f"adapt: {word}: the model has layers 0 to {n_layers - 1}")
        return [int(first) % n_layers]
    numbers = list(range(n_layers))[slice(int(first) if first else None, int(last) if last else None)]
    if not numbers:
        raise TrainError(f"adapt: {word}: no layer; the model has layers 0 to {n_layers - 1}")
    return numbers
