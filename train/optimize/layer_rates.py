"""Factors of the learning rate by depth and by group of parameters."""

from typing import Any

from torch import nn

from train.adapt.parts import decoder_layers, layers_name, select
from train.optimize.recipe import LayerRatesRecipe


def rate_factors(network: Any, settings: LayerRatesRecipe | None) -> dict[str, float]:
    """Factor of the learning rate of each parameter of a transformers `network`, by name; 1.0 for all without settings.

    Depth counts as in BEiT (arXiv 2106.08254): embeddings (of tokens and positions) are level 0, layer i from 0 is level i + 1, everything after the n
    layers is level n + 1; level l has decay ** (n + 1 - l). Raises TrainError for a group without parameters.
    """
    factors = {name: 1.0 for name, _ in network.named_parameters()}
    if settings is None:
        return factors
    if settings.decay != 1:
        factors = {name: settings.decay**height for name, height in _heights(network).items()}
    for group, factor in settings.groups.items():
        for name in select(network, [group], key="optimizer.layer_rates.groups"):
            factors[name] *= factor
    return factors


def _heights(network: Any) -> dict[str, int]:
    """Number of levels above each parameter: 0 for final norm and head, n for the first of n layers, n + 1 for embeddings."""
    layers, prefix = len(decoder_layers(network)), f"{layers_name(network)}."
    embeddings = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}

    def height(name: str, parameter: nn.Parameter) -> int:
        if name.startswith(prefix):
            return layers - int(name.removeprefix(prefix).partition(".")[0])
        return layers + 1 if id(parameter) in embeddings else 0

    return {name: height(name, parameter) for name, parameter in network.named_parameters()}
