"""A loaded network made ready for what a recipe wants trained."""

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
    """What was done to a network.

    `plain` is the Hugging Face network that the adapted one stands for, without memory (device meta): its names are those that are saved.
    `origins` gives for each of its layers the number of the base model's layer that it was or was copied from, `new_blocks` those that are copies.
    """

    recipe: AdaptRecipe
    plain: Any
    origins: list[int]
    new_blocks: list[int]
    trained: list[frozenset[str]]
    """Names of the parameters that each stage trains."""

    def stages(self, n_steps: int) -> Stages:
        """Which parameters move in which of `n_steps` steps. Raises TrainError if the stages don't fit in."""
        return Stages(self.trained, stage_ends(self.recipe.stages, n_steps) if self.recipe.stages else [n_steps])

    def original_name(self, name: str) -> str:
        """Name in the base model of a parameter of `plain`."""
        prefix = f"{layers_name(self.plain)}."
        if not name.startswith(prefix):
            return name
        number, _, rest = name.removeprefix(prefix).partition(".")
        return f"{prefix}{self.origins[int(number)]}.{rest}"


def adapt(network: Any, recipe: AdaptRecipe, compute_dtype: torch.dtype, device: torch.device) -> Adaptation:
    """Expand, quantise and add adapters in place, and leave gradients on for what any stage trains. Also on meta, where only shapes count.

    `compute_dtype` and `device` are for weights in 4 bits. Raises TrainError for what this architecture does not have.
    """
    origins = block_origins(len(decoder_layers(network)), recipe.expand.blocks if recipe.expand else 0)
    new_blocks = expand_blocks(network, recipe.expand.blocks) if recipe.expand else []
    plain = _without_memory(network)
    if recipe.quantize:
        quantize_layers(network, recipe.quantize, compute_dtype, device)
    if recipe.lora:
        add_adapters(network, recipe.lora)
    trained = [frozenset(select(network, words, new_blocks)) for words in recipe.trained()]
    ever = frozenset().union(*trained)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in ever)
    return Adaptation(recipe, plain, origins, new_blocks, trained)


def _without_memory(network: Any) -> Any:
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        plain = AutoModelForCausalLM.from_config(copy.deepcopy(network.config))
    plain.generation_config = network.generation_config
    return plain
