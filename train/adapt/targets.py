"""Which weights get an adapter in a mixture of experts, where experts are parameters of three dimensions and not modules.

Transformers 5 keeps the experts of a layer in one parameter (n_experts, out, in), gate and up projections fused as `gate_up_proj`. peft adapts such
parameters by `target_parameters`. It also renames module targets of some architectures, `gate_proj` to `gate_up_proj` for one, so that linear layers
of the same name (shared experts, the dense first layers of DeepSeek-V3) would lose their adapters. Here both lists are written out.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from torch import nn

from train.adapt.parts import decoder_layers, layers_name
from train.errors import TrainError

FUSED = "gate_up_proj"
"""The parameter that holds two matrices of each expert. Its adapter has twice the rank, so that each of them can change by the rank asked for."""

_EXPERT_NAMES = {"gate_proj": FUSED, "up_proj": FUSED, "w1": FUSED, "w3": FUSED, "w2": "down_proj"}
"""Names of an expert's matrices in published files: the parameter that holds them."""

_RENAMED_BY_PEFT = ("gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3")
_ROUTERS = ("gate", "router", "shared_expert_gate")


class Targets(NamedTuple):
    """`modules` and `parameters` that get adapters, as names within a layer: peft matches ends of names."""

    modules: list[str]
    parameters: list[str]


def has_experts(network: nn.Module) -> bool:
    """Whether the layers hold experts as parameters of three dimensions."""
    return bool(_experts(network))


def expert_targets(network: nn.Module, targets: Literal["all-linear"] | list[str]) -> Targets:
    """Targets in a mixture of experts. `all-linear`: attention, experts, shared experts and dense layers, but not routers. Else: all weights whose
    name, or whose module's name, ends with one of the names; `gate_proj` and `up_proj` of fused experts only together.

    Raises TrainError for a name that matches nothing, or half of a fused parameter.
    """
    linear, experts, routers = _linear(network), _experts(network), _routers(network)
    if targets == "all-linear":
        return _split([name for name in linear if not is_router(name)], experts)
    modules, parameters = set(), set()
    for target in targets:
        found = [name for name in linear if _ends_with(name, target)]
        named = [name for name in experts if _ends_with(name, target) or _ends_with(name, _EXPERT_NAMES.get(target, target))]
        named += [name for module, name in routers.items() if _ends_with(name, target) or _ends_with(module, target)]
        if not found and not named:
            raise TrainError(f"adapt.lora.targets: {target}: the model has no such weights; modules look like {', '.join([*linear, *experts][:3])}")
        modules.update(found)
        parameters.update(named)
    halves = {"gate_proj", "up_proj"} & set(targets), {"w1", "w3"} & set(targets)
    for half in halves:
        if len(half) == 1 and any(_ends_with(name, FUSED) for name in parameters) and FUSED not in targets:
            raise TrainError(f"adapt.lora.targets: {half.pop()}: the experts hold it and its partner in one parameter, {FUSED}; name both, or name {FUSED}")
    return _split(sorted(modules), sorted(parameters))


def _split(modules: Iterable[str], parameters: Iterable[str]) -> Targets:
    """Names within the layer; modules that peft would take for experts are named by their weights."""
    relative = {_within_layer(name) for name in modules}
    renamed = {name for name in relative if name.rpartition(".")[2] in _RENAMED_BY_PEFT}
    return Targets(sorted(relative - renamed), sorted({_within_layer(name) for name in parameters} | {f"{name}.weight" for name in renamed}))


def _linear(network: nn.Module) -> list[str]:
    """Names of the linear layers in the decoder layers."""
    prefix = layers_name(network)
    return [f"{prefix}.{name}" for name, module in decoder_layers(network).named_modules() if isinstance(module, nn.Linear)]


def _experts(network: nn.Module) -> list[str]:
    """Names of the parameters of three dimensions in the decoder layers, convolutions excluded."""
    prefix = layers_name(network)
    return [
        f"{prefix}.{module_name}.{name}"
        for module_name, module in decoder_layers(network).named_modules()
        if not isinstance(module, nn.Conv1d)
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.ndim == 3
    ]


def _routers(network: nn.Module) -> Mapping[str, str]:
    """Names of routers that are not linear layers: module → its weight."""
    prefix = layers_name(network)
    modules = {f"{prefix}.{name}": module for name, module in decoder_layers(network).named_modules() if not isinstance(module, nn.Linear)}
    return {name: f"{name}.weight" for name, module in modules.items() if is_router(name) and "weight" in module._parameters}


def is_router(name: str) -> bool:
    """Whether a module of this name scores the experts of a mixture."""
    return any(part in _ROUTERS for part in name.split(".")[-2:])


def _ends_with(name: str, end: str) -> bool:
    return name == end or name.endswith(f".{end}")


def _within_layer(name: str) -> str:
    """`self_attn.q_proj` of `model.layers.3.self_attn.q_proj`."""
    parts = name.split(".")
    number = next(index for index, part in enumerate(parts) if part.isdigit())
    return ".".join(parts[number + 1 :])
