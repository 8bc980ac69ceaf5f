"""Block expansion: inserts copies of layers that add zeros at first, so that the model's output stays the same (LLaMA Pro, arXiv 2401.02415).

A layer adds the output of its last projections, or of the norms after them, to the residual stream. In a copy, these modules are set to output zeros.
They get the first gradients; once they change, the rest of the copy trains as well.
"""

import copy
from typing import Any, NamedTuple

import torch
from torch import nn

from train.adapt.parts import decoder_layers
from train.errors import TrainError


class _Outputs(NamedTuple):
    """The modules of a layer that produce everything it adds, and the weight that makes them output zeros."""

    modules: tuple[str, ...]
    silent_weight: float = 0.0


_PROJECTIONS = _Outputs(("self_attn.o_proj", "mlp.down_proj"))
_GEMMA_NORMS = _Outputs(("post_attention_layernorm", "post_feedforward_layernorm"), -1.0)  # these norms multiply by 1 + weight
_NORMS = _Outputs(("post_attention_layernorm", "post_feedforward_layernorm"))

# If a norm follows the projection, the norm is silenced: after a zero projection its gradient would be 1/sqrt(eps), a thousand times too large.
_OUTPUTS = {
    "llama": _PROJECTIONS, "mistral": _PROJECTIONS, "qwen2": _PROJECTIONS, "qwen3": _PROJECTIONS, "gemma": _PROJECTIONS, "granite": _PROJECTIONS,
    "smollm3": _PROJECTIONS, "phi3": _PROJECTIONS, "starcoder2": _Outputs(("self_attn.o_proj", "mlp.c_proj")),
    "gemma2": _GEMMA_NORMS, "gemma3_text": _GEMMA_NORMS, "olmo2": _NORMS, "olmo3": _NORMS,
    "gpt2": _Outputs(("attn.c_proj", "mlp.c_proj")), "gpt_neox": _Outputs(("attention.dense", "mlp.dense_4h_to_h")),
}  # fmt: skip

_PER_LAYER = ("layer_types", "no_rope_layers")
"""Configuration keys that hold one value per layer."""


def expand_blocks(network: Any, n_blocks: int) -> list[int]:
    """Insert `n_blocks` silent copies into a transformers model in place, on any device (including meta). Returns their layer indices.

    With L layers, copy i of n follows layer ceil((i + 1) * L / n) - 1, so copies are spread evenly and the last layer is a copy (if n divides L, these
    are LLaMA Pro's positions). Raises TrainError for an architecture whose layers we cannot silence, or for more copies than layers.
    """
    layers, config = decoder_layers(network), network.config
    outputs = _OUTPUTS.get(config.model_type)
    if outputs is None:
        raise TrainError(f"adapt.expand: {config.model_type}: its layers cannot be made silent; supported are {', '.join(_OUTPUTS)}")
    if getattr(config, "scale_attn_by_inverse_layer_idx", False):
        raise TrainError("adapt.expand: this model scales attention by the layer index (scale_attn_by_inverse_layer_idx), which copies would change")
    if n_blocks > len(layers):
        raise TrainError(f"adapt.expand: {n_blocks} blocks, but the model has {len(layers)} layers to copy")
    origins = block_origins(len(layers), n_blocks)
    new = [number for number in range(1, len(origins)) if origins[number] == origins[number - 1]]
    for number in new:  # a copy must share the model's config, which selects the attention
        layers.insert(number, _silenced(copy.deepcopy(layers[number - 1], {id(config): config}), outputs))
    for number, layer in enumerate(layers):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = number  # type: ignore[assignment]
    for setting in _PER_LAYER:
        values = getattr(config, setting, None)
        if values:
            setattr(config, setting, [values[origin] for origin in origins])
    config.num_hidden_layers = len(layers)
    return new


def block_origins(n_layers: int, n_blocks: int) -> list[int]:
    """For each layer of the expanded model, the index of the original layer that it is, or was copied from; a copy follows its origin."""
    copied = {-(-(number + 1) * n_layers // n_blocks) - 1 for number in range(n_blocks)}  # -(-a // b) rounds up
    return [layer for layer in range(n_layers) for _ in range(2 if layer in copied else 1)]


@torch.no_grad()
def _silenced(layer: nn.Module, outputs: _Outputs) -> nn.Module:
    for name in outputs.modules:
        module = layer.get_submodule(name)
        for part, parameter in module.named_parameters():
            parameter.fill_(outputs.silent_weight if part == "weight" else 0.0)
    return layer
