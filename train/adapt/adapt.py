"""Prepares a loaded network for the parts that a recipe trains."""

import copy
from dataclasses import dataclass
from typing import Any

import torch

from train.adapt.expand import block_origins, expand_blocks
from train.adapt.lora import add_adapters, quantize_layers
from train.adapt.parts import decoder_layers, layers_name, select
from train.adapt.recipe import AdaptRecipe
from train.adapt.stages import Stages, stage_ends


@dataclass(frozen=True)
class Adaptation:
    """How a network was adapted.

    `plain` is the equivalent plain Hugging Face network, without memory (device meta); the saved model has its parameter names.
    `origins` gives for each of its layers the index of the base model's layer that it is, or was copied from; `new_blocks` are the indices of copies.
    """

    recipe: AdaptRecipe
    plain: Any
    origins: list[int]
    new_blocks: list[int]
    trained: list[frozenset[str]]
    """Names of the parameters that each stage trains."""

    def stages(self, n_steps: int) -> Stages:
        """Which parameters are trained in which of `n_steps` steps. Raises TrainError if the stages are longer than that."""
        return Stages(self.trained, stage_ends(self.recipe.stages, n_steps) if self.recipe.stages else [n_steps])

    def original_name(self, name: str) -> str:
        """Base-model name of a parameter of `plain`."""
        prefix = f"{layers_name(self.plain)}."
        if not name.startswith(prefix):
            return name
        number, _, rest = name.removeprefix(prefix).partition(".")
        return f"{prefix}{self.origins[int(number)]}.{rest}"


def adapt(network: Any, recipe: AdaptRecipe, compute_dtype: torch.dtype, device: torch.device) -> Adaptation:
    """Expand, quantise and add adapters in place; only parameters that some stage trains require gradients. Also works on meta (shapes only).

    `compute_dtype` and `device` apply to 4-bit weights. Raises TrainError for settings that this architecture does not support.
    """
    origins = block_origins(len(decoder_layers(network)), recipe.expand.blocks if recipe.expand else 0)
    new_blocks = expand_blocks(network, recipe.expand.blocks) if recipe.expand else []
    plain = _without_memory(network)
    if recipe.quantize:
        quantize_layers(network, recipe.quantize, compute_dtype, device)
    if recipe.lora:
        add_adapters(network, recipe.lora)
    trained = [frozenset(select(network, names, new_blocks)) for names in recipe.trained()]
    in_any_stage = frozenset().union(*trained)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in in_any_stage)
    return Adaptation(recipe, plain, origins, new_blocks, trained)


def _without_memory(network: Any) -> Any:
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        plain = AutoModelForCausalLM.from_config(copy.deepcopy(network.config))
    plain._weight_conversions = getattr(network, "_weight_conversions", None)  # how transformers renamed the base's tensors
    return plain
