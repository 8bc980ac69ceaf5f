"""FLOPs of training a decoder, in the field's two conventions.

Both count a multiply-add as two operations, and forward plus backward pass: 6 per token and weight of a matrix product (4 for a frozen weight, which
gets no gradient). Input embeddings are looked up, not multiplied, so they count only if they are also the output head.

- `full`: attention as if every token saw its whole row: 12 * layers * heads * head dimension * row tokens (PaLM, arXiv 2204.02311, appendix B).
- `causal`: only pairs of tokens that see each other: the causal half of each document in the row, limited by the sliding window.
Activations that the backward pass recomputes count in neither.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn


@dataclass(frozen=True)
class ModelFlops:
    """What the FLOPs of a model depend on. `per_weight`: FLOPs per token in all matrix products. `windows`: by layer, the upper limit of tokens that
    a query sees, including itself, or None. `width`: heads times head dimension."""

    per_weight: int
    windows: tuple[int | None, ...]
    width: int

    def full(self, n_tokens: int, row_tokens: int) -> int:
        """FLOPs of `n_tokens` tokens in rows of `row_tokens`."""
        return n_tokens * (self.per_weight + 12 * len(self.windows) * self.width * row_tokens)

    def causal(self, document_tokens: np.ndarray) -> int:
        """FLOPs of documents of these lengths (n,), each attending only to itself."""
        lengths = np.asarray(document_tokens, dtype=np.int64)
        pairs = sum(int(count) * visible_pairs(lengths, window) for window, count in _counted(self.windows))
        return int(lengths.sum()) * self.per_weight + 12 * self.width * pairs


def visible_pairs(lengths: np.ndarray, window: int | None) -> int:
    """Number of query-key pairs in documents of `lengths` (n,) int64: the sum of min(position, window) over positions counted from 1."""
    inside = lengths if window is None else np.minimum(lengths, window)
    return int((inside * (inside + 1) // 2 + (lengths - inside) * (window or 0)).sum())


def model_flops(network: nn.Module) -> ModelFlops:
    """FLOPs of a transformers model (on any device, including meta). Experts of a mixture count by the share that a token visits."""
    config: Any = network.config.get_text_config()  # type: ignore[operator, union-attr]
    n_heads = config.num_attention_heads
    width = n_heads * (getattr(config, "head_dim", None) or config.hidden_size // n_heads)
    return ModelFlops(round(_per_weight(network, config)), _windows(config), width)


def _per_weight(network: nn.Module, config: Any) -> float:
    looked_up = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    head: Any = network.get_output_embeddings()  # type: ignore[operator]
    active = (getattr(config, "num_experts_per_tok", None) or 1) / (getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None) or 1)
    total = 0.0
    for parameter in network.parameters():
        if parameter.ndim >= 2 and (id(parameter) not in looked_up or parameter is head.weight):
            share = active if parameter.ndim == 3 else 1.0
            total += share * (6 if parameter.requires_grad else 4) * parameter.numel()
    return total


def _windows(config: Any) -> tuple[int | None, ...]:
    n_layers = config.num_hidden_layers
    window = getattr(config, "sliding_window", None)
    if window is None or not getattr(config, "use_sliding_window", True):
        return (None,) * n_layers
    kinds = getattr(config, "layer_types", None) or ["sliding_attention"] * n_layers
    return tuple(window if kind == "sliding_attention" else None for kind in kinds)


def _counted(windows: tuple[int | None, ...]) -> list[tuple[int | None, int]]:
    return [(window, windows.count(window)) for window in dict.fromkeys(windows)]
