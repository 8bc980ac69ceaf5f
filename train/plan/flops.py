"""FLOPs of training a decoder, in the field's two conventions.

Both count a multiply-add as two operations, and forward plus backward pass: 6 per token and weight of a matrix product (4 for a frozen weight, which
gets no gradient). Input embeddings are looked up, not multiplied, so they count only if they are also the output head.

- `full`: attention as if every token saw its whole row: 12 * layers * heads * head dimension * row tokens (PaLM, arXiv 2204.02311, appendix B). Where
  queries and values have other dimensions (latent attention, MLA), that is 6 * layers * heads * (query dimension + value dimension) * row tokens.
- `causal`: only pairs of tokens that see each other: the causal half of each document in the row, limited by the sliding window.
Activations that the backward pass recomputes count in neither; nor do the recurrences of linear attention and state space layers.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from train.adapt.parts import decoder_layers

_ATTENTION = ("self_attn", "attn", "attention", "self_attention")
"""Names of a layer's attention in transformers' decoders. Linear attention and state space layers have others (linear_attn, mamba)."""


class AttentionLayer(NamedTuple):
    """`window`: upper limit of tokens that a query sees, including itself, or None. `width`: heads times the sum of query and value dimension."""

    window: int | None
    width: int


@dataclass(frozen=True)
class ModelFlops:
    """What the FLOPs of a model depend on. `per_weight`: FLOPs per token in all matrix products. `layers`: those with attention."""

    per_weight: int
    layers: tuple[AttentionLayer, ...]

    def full(self, n_tokens: int, row_tokens: int) -> int:
        """FLOPs of `n_tokens` tokens in rows of `row_tokens`."""
        return n_tokens * (self.per_weight + 6 * sum(layer.width for layer in self.layers) * row_tokens)

    def causal(self, document_tokens: np.ndarray) -> int:
        """FLOPs of documents of these lengths (n,), each attending only to itself."""
        lengths = np.asarray(document_tokens, dtype=np.int64)
        pairs = sum(count * layer.width * visible_pairs(lengths, layer.window) for layer, count in Counter(self.layers).items())
        return int(lengths.sum()) * self.per_weight + 6 * pairs


def visible_pairs(lengths: np.ndarray, window: int | None) -> int:
    """Number of query-key pairs in documents of `lengths` (n,) int64: the sum of min(position, window) over positions counted from 1."""
    inside = lengths if window is None else np.minimum(lengths, window)
    return int((inside * (inside + 1) // 2 + (lengths - inside) * (window or 0)).sum())


def model_flops(network: nn.Module) -> ModelFlops:
    """FLOPs of a transformers model (on any device, including meta). Experts of a mixture count by the share that a token visits."""
    config: Any = network.config.get_text_config()  # type: ignore[operator, union-attr]
    return ModelFlops(round(_per_weight(network, config)), _attention_layers(network, config))


def _per_weight(network: nn.Module, config: Any) -> float:
    looked_up = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    head: Any = network.get_output_embeddings()  # type: ignore[operator]
    shares = _visited_shares(network, config)
    total = 0.0
    for name, parameter in network.named_parameters():
        if parameter.ndim >= 2 and not name.endswith("bias") and (id(parameter) not in looked_up or parameter is head.weight):
            total += shares.get(_experts_of(name), 1.0) * (6 if parameter.requires_grad else 4) * parameter.numel()
    return total


def _visited_shares(network: nn.Module, config: Any) -> dict[str, float]:
    """Share of the experts that a token visits, by the name of the module that holds them."""
    experts = {_experts_of(name): parameter.shape[0] for name, parameter in network.named_parameters() if parameter.ndim == 3}
    n_visited = getattr(config, "num_experts_per_tok", None) or getattr(config, "top_k_experts", None)
    return {module: (n_visited or n_experts) / n_experts for module, n_experts in experts.items() if module}


def _experts_of(parameter: str) -> str:
    """Name of the module of experts that holds a parameter, without wrappers of adapters; empty if none does."""
    before, dot, _ = parameter.partition(".experts.")
    return before + dot if dot else ""


def _attention_layers(network: nn.Module, config: Any) -> tuple[AttentionLayer, ...]:
    windows, layers = _windows(config), []
    for layer, window in zip(decoder_layers(network), windows, strict=False):
        width = _width(layer, config)
        if width:
            layers.append(AttentionLayer(window, width))
    return tuple(layers)


def _width(layer: nn.Module, config: Any) -> int:
    """Heads times (query + value dimension) of a layer; 0 without attention. Dimensions of the layer itself come before those of the config."""
    attention: Any = next((module for name, module in layer.named_modules() if name.rpartition(".")[2] in _ATTENTION), None)
    if attention is None:
        return 0
    query = getattr(attention, "qk_head_dim", None) or getattr(attention, "head_dim", None) or _head_dimension(config)
    return config.num_attention_heads * (query + (getattr(attention, "v_head_dim", None) or query))


def _head_dimension(config: Any) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _windows(config: Any) -> tuple[int | None, ...]:
    n_layers = config.num_hidden_layers
    window = getattr(config, "sliding_window", None)
    if window is None or not getattr(config, "use_sliding_window", True):
        return (None,) * n_layers
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"] * n_layers
    return tuple(window if kind == "sliding_attention" else None for kind in kinds)
