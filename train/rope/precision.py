"""Measures how precise a network's rotary embeddings are on its device."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from train.rope.by_document import rope_types, rotary_modules

_LAST_POSITIONS = 64


def largest_error(network: nn.Module, row_tokens: int, device: torch.device) -> float:
    """Largest absolute error of a rotary cosine or sine at the last positions of a row; 0 if the network has no rotary modules.

    The reference is each module itself, on the CPU with float32 products in full precision. Angles grow with the position, so their rounding does, too.
    """
    positions = torch.arange(max(0, row_tokens - _LAST_POSITIONS), row_tokens)[None]
    errors = [0.0]
    for module in rotary_modules(network):
        reference = copy.deepcopy(module).to("cpu")
        for layer_type in rope_types(module):
            found = _embeddings(module, positions.to(device), layer_type)
            with _full_precision():
                expected = _embeddings(reference, positions, layer_type)
            errors += [float((one.cpu() - other).abs().max()) for one, other in zip(found, expected, strict=True)]
    return max(errors)


def _embeddings(module: nn.Module, positions: Tensor, layer_type: str | None) -> tuple[Tensor, ...]:
    """What the module makes of `positions` (1, n) in float32: cosines and sines, or complex numbers."""
    like = torch.zeros(*positions.shape, 1, device=positions.device)
    embedded = module(like, positions, **({} if layer_type is None else {"layer_type": layer_type}))
    return embedded if isinstance(embedded, tuple) else (embedded,)


class _full_precision:
    """Context in which float32 matrix products are computed in float32."""

    def __enter__(self) -> None:
        self._before: Any = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")

    def __exit__(self, *_: object) -> None:
        torch.set_float32_matmul_precision(self._before)
