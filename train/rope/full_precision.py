"""Keeps the angles of rotary embeddings in full precision where TF32 is allowed.

An angle is position * frequency. Some versions of transformers compute it as a float32 matrix product, which TF32 rounds to 10 bits: at position 4,095 the
angle is then off by up to 1 radian.
"""

import functools
from collections.abc import Callable
from types import MethodType
from typing import Any

import torch
from torch import nn


def compute_in_full_precision(network: nn.Module) -> None:
    """Let each rotary module of a transformers network compute its matrix products in float32, whatever the setting for the rest. Calling it twice does
    no harm."""
    for module in network.modules():
        if _has_frequencies(module) and "forward" not in vars(module):
            module.forward = MethodType(_in_full_precision(type(module).forward), module)  # a method, so that a copied network calls its own


def _has_frequencies(module: nn.Module) -> bool:
    """Whether a module is a rotary one: only those hold the frequencies, under names such as `inv_freq` or `sliding_attention_inv_freq`."""
    return any(name.endswith("inv_freq") for name, _ in module.named_buffers(recurse=False))


def _in_full_precision(forward: Callable[..., Any]) -> Callable[..., Any]:
    @torch.compiler.disable  # a compiled graph would keep the setting of its first call
    @functools.wraps(forward)
    def computed(*arguments: Any, **options: Any) -> Any:
        precision = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            return forward(*arguments, **options)
        finally:
            torch.set_float32_matmul_precision(precision)

    return computed
