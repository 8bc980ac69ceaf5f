"""Counts the parameters of a model by part (embeddings, attention, …)."""

import re
from dataclasses import dataclass
from typing import Any

from torch import nn

_PARTS = (("attention", r"attn|attention"), ("norms", r"norm|(^|\.)ln_|layernorm"), ("feed-forward", r"mlp|feed_forward|expert|ffn"))


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters; tied weights count once, as embeddings. The values of `by_part` sum to `total`."""

    total: int
    trainable: int
    by_part: dict[str, int]


def count_parameters(network: nn.Module) -> Parameters:
    """Count the parameters of a transformers model on any device, including meta."""
    parts = dict.fromkeys(("embeddings", "attention", "feed-forward", "norms", "head", "other"), 0)
    embeddings = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    head: Any = network.get_output_embeddings()  # type: ignore[operator]
    for name, parameter in network.named_parameters():
        part = "embeddings" if id(parameter) in embeddings else "head" if parameter is head.weight else _part(name)
        parts[part] += parameter.numel()
    trainable = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    return Parameters(sum(parts.values()), trainable, {name: count for name, count in parts.items() if count})


def _part(name: str) -> str:
    """The part of a parameter by its module names; the last match decides, so that a norm inside attention is a norm."""
    matches = [(match.start(), part) for part, pattern in _PARTS for match in re.finditer(pattern, name.lower())]
    return max(matches)[1] if matches else "other"
