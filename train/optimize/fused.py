"""Parameters that hold several matrices: experts of a layer, and projections fused into one product.

Muon orthogonalizes each matrix for itself, because the scale of one must not depend on its neighbours in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Fused:
    """Layout of a parameter (rows, columns) or (experts, rows, columns).

    `sizes`: rows, or with `along_columns` columns, of each matrix in a group; such groups repeat (once per head, or per column of interleaved matrices).
    Empty: one matrix, or one per expert.
    """

    sizes: tuple[int, ...] = ()
    along_columns: bool = False

    def split(self, parameter: Tensor) -> list[Tensor]:
        """The matrices of each kind, (experts or 1, rows, columns)."""
        batch = parameter if parameter.ndim == 3 else parameter[None]
        if not self.sizes:
            return [batch]
        axis = 2 if self.along_columns else 1
        grouped = batch.unflatten(axis, (batch.shape[axis] // sum(self.sizes), sum(self.sizes)))
        return [part.flatten(axis, axis + 1) for part in grouped.split(self.sizes, dim=axis + 1)]

    def longest_side(self, shape: torch.Size) -> int:
        """The longest side of a matrix in a parameter of `shape`."""
        rows, columns = shape[-2:]
        if not self.sizes:
            return max(rows, columns)
        fused, other = (columns, rows) if self.along_columns else (rows, columns)
        return max(other, fused * max(self.sizes) // sum(self.sizes))

    def join(self, parts: Sequence[Tensor], shape: torch.Size) -> Tensor:
        """Inverse of `split`, for a parameter of `shape`."""
        if not self.sizes:
            return parts[0].view(shape)
        axis = 2 if self.along_columns else 1
        grouped = [part.unflatten(axis, (part.shape[axis] // size, size)) for part, size in zip(parts, self.sizes, strict=True)]
        return torch.cat(grouped, dim=axis + 1).flatten(axis, axis + 1).view(shape)


def fused_parts(network: nn.Module, name: str) -> Fused:
    """Layout of the parameter `name`. Known: fused query, key and value of GPT-2, NeoX and Phi-3; fused gate and up projections, of experts in either
    orientation, too; latent keys and values of DeepSeek (MLA). Other parameters count as one matrix, or one per expert."""
    config: Any = network.config.get_text_config() if hasattr(network, "config") else None  # type: ignore[operator, union-attr]
    module_name, _, own_name = name.rpartition(".")
    module, kind = network.get_submodule(module_name), getattr(config, "model_type", None)
    owner = module_name.rpartition(".")[2]
    if own_name == "gate_up_proj":
        return _gate_and_up(module)
    if owner == "gate_up_proj":
        return Fused((network.get_parameter(name).shape[0] // 2,) * 2)
    match kind, owner:
        case "gpt2", "c_attn":
            return Fused((config.n_embd,) * 3, along_columns=True)
        case "gpt_neox", "query_key_value":
            return Fused((config.hidden_size // config.num_attention_heads,) * 3)
        case (("phi3" | "phi4_multimodal"), "qkv_proj"):
            width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
            return Fused((config.num_attention_heads * width, *(config.num_key_value_heads * width,) * 2))
        case _, "kv_a_proj_with_mqa":
            return Fused((config.kv_lora_rank, config.qk_rope_head_dim))
        case _, "kv_b_proj":
            return Fused((config.qk_nope_head_dim, config.v_head_dim))
    return Fused()


def _gate_and_up(experts: Any) -> Fused:
    """Experts (E, 2 I, D) with `down_proj` (E, D, I), or transposed (E, D, 2 I) with (E, I, D); gate and up side by side, or interleaved (GPT-OSS)."""
    shape, down = experts.gate_up_proj.shape, experts.down_proj.shape
    transposed = shape[2] == 2 * down[1] and shape[1] == down[2]
    return Fused((down[1 if transposed else 2] if getattr(experts, "is_concatenated", True) else 1,) * 2, along_columns=transposed)
