"""Attention inside documents only, registered with transformers as `cptkit`.

Rows hold several documents. Each attends causally to itself and to nothing else; where documents begin is given to the model
as the cumulative lengths `cu_seq_lens_q` (transformers' own name, passed on to every layer). transformers builds no mask for
a name it has no mask function for. On CUDA in half precision `torch.nn.attention.varlen` runs, elsewhere PyTorch's attention
document by document, which on a CPU is also faster than a masked call over whole rows (170 tokens a document: 1.9 times).
"""

import inspect
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.errors import TrainError

NAME = "cptkit"
"""Value of `attn_implementation` that selects this attention."""

_NOT_SUPPORTED = ("softcap", "s_aux", "position_bias", "head_mask")


def register() -> None:
    """Make the attention known to transformers under NAME. Doing it twice is harmless."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, document_attention)


def document_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    cu_seq_lens_q: Tensor | None = None,
    max_length_q: int | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each document; transformers' attention signature.

    `query` (B, H, S, D), `key` and `value` (B, H_kv, S, D); `cu_seq_lens_q` (N + 1,) int32 counts over the B * S tokens of the
    batch laid end to end, repeats at its end are empty documents; without it each row is one document. `sliding_window` is the number
    of tokens a query sees, itself included. Returns (B, S, H, D). Raises TrainError for what it cannot compute exactly.
    """
    refused = [name for name in _NOT_SUPPORTED if options.get(name) is not None]
    if refused or dropout or attention_mask is not None:
        what = ", ".join(refused) or ("dropout in attention" if dropout else "an attention mask")
        raise TrainError(f"{type(module).__name__}: this architecture asks for {what}, which document attention does not compute; train another model")
    n_rows, _, row_tokens, _ = query.shape
    if cu_seq_lens_q is None:
        cu_seq_lens_q = torch.arange(0, (n_rows + 1) * row_tokens, row_tokens, dtype=torch.int32, device=query.device)
    q, k, v = (tensor.transpose(1, 2).flatten(0, 1) for tensor in (query, key, value))  # (B * S, H, D)
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        out = _varlen(q, k, v, cu_seq_lens_q, max_length_q or row_tokens, scaling, sliding_window)
    else:
        out = _by_document(q, k, v, cu_seq_lens_q, scaling, sliding_window)
    return out.unflatten(0, (n_rows, row_tokens)), None


def _varlen(query: Tensor, key: Tensor, value: Tensor, cu_seqlens: Tensor, longest: int, scale: float | None, window: int | None) -> Tensor:
    """One flash-attention call over all documents; tensors (tokens, heads, D)."""
    from torch.nn.attention.varlen import varlen_attn

    options: dict[str, Any] = {"scale": scale, "window_size": (window - 1 if window else -1, 0)}
    groups = query.shape[1] // key.shape[1]
    if groups > 1 and "enable_gqa" in _varlen_parameters():
        options["enable_gqa"] = True
    elif groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    out = varlen_attn(query, key, value, cu_seqlens, cu_seqlens, longest, longest, **options)
    assert isinstance(out, Tensor)
    return out


@cache
def _varlen_parameters() -> frozenset[str]:
    """Arguments that this torch's varlen_attn takes: 2.11 has no grouped-query option yet."""
    from torch.nn.attention.varlen import varlen_attn

    return frozenset(inspect.signature(varlen_attn).parameters)


@torch.compiler.disable
def _by_document(query: Tensor, key: Tensor, value: Tensor, cu_seqlens: Tensor, scale: float | None, window: int | None) -> Tensor:
    """The same, one call a document; tensors (tokens, heads, D)."""
    lengths = [length for length in cu_seqlens.diff().tolist() if length]
    # split, not slices: the gradient of a split is one concatenation, that of n slices is n tensors of full size.
    pieces = zip(*(tensor.transpose(0, 1).split(lengths, dim=1) for tensor in (query, key, value)), strict=True)
    grouped = query.shape[1] != key.shape[1]
    outputs = []
    for q, k, v in pieces:
        mask = _window_mask(q.shape[1], window, q.device) if window and window < q.shape[1] else None
        out = F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask, is_causal=mask is None, scale=scale, enable_gqa=grouped)
        outputs.append(out[0].transpose(0, 1))
    return torch.cat(outputs)


def _window_mask(n_tokens: int, window: int, device: torch.device) -> Tensor:
    """(n_tokens, n_tokens) bool, true where a query (first axis) sees a key."""
    seen = torch.ones(n_tokens, n_tokens, dtype=torch.bool, device=device)
    return seen.tril() & seen.triu(1 - window)
