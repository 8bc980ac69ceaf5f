"""Attention within documents only, registered with transformers as `cptkit`.

Rows hold several documents; each attends causally to itself and to nothing else. The model gets the documents' boundaries as cumulative
lengths `cu_seq_lens_q` (transformers' own name, passed to every layer). transformers builds no mask for an attention that has no mask function.
Three backends compute the same result:

- `varlen`: `torch.nn.attention.varlen`, flash attention over all documents in one call; CUDA in half precision.
- `flex`: `train.flex`, which also supports soft-capped scores (Gemma 2), attention sinks (GPT-OSS), heads that flash attention lacks (DeepSeek's, whose
  keys and values differ in size) and float32; CUDA, forward only on a CPU.
- `sdpa`: PyTorch's attention, one call per document: the reference, and the fastest on a CPU (at 170 tokens per document 1.9 times as fast as
  a masked call over whole rows).
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train import flex, varlen
from train.errors import TrainError

NAME = "cptkit"
"""Value of `attn_implementation` that selects this attention."""

Backend = Literal["varlen", "flex", "sdpa"]

_FLASH_HEAD = 256
"""Largest head of flash attention's kernels, in dimensions."""

_NOT_SUPPORTED = ("position_bias", "head_mask", "alibi", "sparse_mask", "block_table")


def register() -> None:
    """Register the attention with transformers under NAME. Registering twice is harmless."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, document_attention)


def choose_backend(wanted: Backend | Literal["auto"], network: Any, device: torch.device, dtype: torch.dtype) -> Backend:
    """The backend for this network's attention in `dtype` on `device`; `wanted` may be `auto`.

    Raises TrainError if the wanted backend cannot run: varlen needs CUDA, half precision, plain scores and heads of a size that flash attention has; flex has
    no backward pass on a CPU.
    """
    cuda, half = device.type == "cuda", dtype in (torch.bfloat16, torch.float16)
    special = unusual_scores(network) + unusual_heads(network)
    if wanted == "auto":
        return "sdpa" if not cuda else "varlen" if half and not special else "flex"
    if wanted == "varlen" and not (cuda and half and not special):
        why = f"this model has {' and '.join(special)}" if special else f"this run is in {str(dtype).removeprefix('torch.')} on {device.type}"
        raise TrainError(f"attention: varlen: needs CUDA, bf16, plain scores and heads that flash attention has, but {why}; use auto")
    if wanted == "flex" and not cuda:
        raise TrainError("attention: flex: has no backward pass on a CPU; use auto")
    return wanted


def unusual_scores(network: Any) -> list[str]:
    """Names of what the network's attention does to scores besides scaling them; neither flash attention nor PyTorch's attention function does it."""
    has_softcap = getattr(network.config.get_text_config(), "attn_logit_softcapping", None) is not None
    has_sinks = any(name.rpartition(".")[2] == "sinks" for name, _ in network.named_parameters())
    return [name for name, used in (("soft-capped scores", has_softcap), ("attention sinks", has_sinks)) if used]


def unusual_heads(network: nn.Module) -> list[str]:
    """What the network's heads have that flash attention does not take: it needs one size, divisible by 8 and at most 256, for queries, keys and values."""
    sizes = head_sizes(network)
    reasons = {
        f"heads of {size} dimensions (flash attention takes multiples of 8 up to 256)" for pair in sizes for size in pair if size % 8 or size > _FLASH_HEAD
    }
    reasons |= {f"heads of {keys} dimensions for keys and {values} for values (flash attention takes one size)" for keys, values in sizes if keys != values}
    return sorted(reasons)


def head_sizes(network: Any) -> set[tuple[int, int]]:
    """Dimensions of a head's keys, and of its values, for each kind of attention layer in the network; empty if it has none."""
    config = network.config.get_text_config()
    heads = getattr(config, "num_attention_heads", None)
    of_config = getattr(config, "head_dim", None) or (config.hidden_size // heads if heads else None)
    sizes = set()
    for module in network.modules():
        if "Attention" in type(module).__name__:
            keys = _size(module, ("qk_head_dim", "head_dim", "head_size")) or of_config
            sizes.add((keys, _size(module, ("v_head_dim",)) or keys))
    return {(keys, values) for keys, values in sizes if keys and values}


def _size(module: nn.Module, names: tuple[str, ...]) -> int | None:
    """The first of these attributes that is a number."""
    return next((value for name in names if isinstance(value := getattr(module, name, None), int)), None)


def inputs(network: Any, backend: Backend | None, cu_seqlens: Tensor, n_rows: int, row_tokens: int, *, longest: int) -> dict[str, Any]:
    """Keyword arguments that describe a batch's documents to every layer of the network; `cu_seqlens` and `longest` as in `MicroBatch`.

    Made once per batch, outside the layers, and with few distinct sizes (`train.batch.Extent`), so that compiled layers are compiled once.
    """
    arguments = {
        "cu_seq_lens_q": cu_seqlens,
        "cu_seq_lens_k": cu_seqlens,
        "max_length_q": longest,
        "max_length_k": longest,
        "attention_backend": backend,
    }
    if backend == "varlen":
        arguments["group_heads"] = varlen.takes_fewer_kv_heads(cu_seqlens.device)
    if backend == "flex":
        arguments["block_masks"] = {window: flex.block_mask(cu_seqlens, n_rows, row_tokens, window) for window in windows(network)}
    return arguments


def windows(network: Any) -> set[int | None]:
    """Sliding windows of the network's attention layers, in tokens that a query sees; None stands for all earlier tokens."""
    by_layer = {module.sliding_window for module in network.modules() if hasattr(module, "sliding_window")}
    return by_layer or {None, getattr(network.config, "sliding_window", None)}  # Mistral and Phi read the configuration in each call


def document_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    cu_seq_lens_q: Tensor | None = None,
    max_length_q: int | None = None,
    attention_backend: Backend | None = None,
    block_masks: dict[int | None, Any] | None = None,
    group_heads: bool = True,
    **options: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each document; has the signature of transformers' attention functions.

    `query` (B, H, S, D), `key` and `value` (B, H_kv, S, D). `cu_seq_lens_q` (N + 1,) int32 holds boundaries among the B * S tokens of the
    concatenated rows; repeated values at its end are empty documents; without it, each row is one document. `sliding_window` is the number
    of tokens that a query sees, including itself. Scores are capped to `softcap * tanh(score / softcap)`. `s_aux` (H,) are the scores of a sink,
    which takes its share of each softmax and adds nothing to the output. Returns (B, S, H, D). Raises TrainError for options that it cannot compute
    exactly.
    """
    _refuse(module, attention_mask, dropout, options)
    n_rows, _, row_tokens, _ = query.shape
    if cu_seq_lens_q is None:
        cu_seq_lens_q = torch.arange(0, (n_rows + 1) * row_tokens, row_tokens, dtype=torch.int32, device=query.device)
    if attention_backend == "flex":
        masks = block_masks or {sliding_window: flex.block_mask(cu_seq_lens_q, n_rows, row_tokens, sliding_window)}
        return flex.attend(query, key, value, masks[sliding_window], scaling, softcap, s_aux), None
    q, k, v = (tensor.transpose(1, 2).flatten(0, 1) for tensor in (query, key, value))  # (B * S, H, D)
    fast = query.is_cuda and query.dtype in (torch.bfloat16, torch.float16) and softcap is None and s_aux is None
    if attention_backend == "varlen" or (attention_backend is None and fast):
        out = varlen.attend(q, k, v, cu_seq_lens_q, max_length_q or row_tokens, scaling, sliding_window, group_heads=group_heads)
    else:
        out = _by_document(q, k, v, cu_seq_lens_q, scaling, sliding_window, softcap, s_aux)
    return out.unflatten(0, (n_rows, row_tokens)), None


def _refuse(module: nn.Module, attention_mask: Tensor | None, dropout: float, options: dict[str, Any]) -> None:
    refused = [name for name in _NOT_SUPPORTED if options.get(name) is not None]
    if refused or dropout or attention_mask is not None:
        what = ", ".join(refused) or ("dropout in attention" if dropout else "an attention mask")
        raise TrainError(f"{type(module).__name__} needs {what}, which document attention does not compute; train another model")


@torch.compiler.disable
def _by_document(
    query: Tensor, key: Tensor, value: Tensor, cu_seqlens: Tensor, scale: float | None, window: int | None, softcap: float | None, sinks: Tensor | None
) -> Tensor:
    """Attention with one call per document; tensors (tokens, heads, D)."""
    lengths = [length for length in cu_seqlens.diff().tolist() if length]
    # split instead of slices: the gradient of a split is one concatenation, that of n slices is n tensors of full size.
    pieces = zip(*(tensor.transpose(0, 1).split(lengths, dim=1) for tensor in (query, key, value)), strict=True)
    outputs = []
    for q, k, v in pieces:
        mask = _window_mask(q.shape[1], window, q.device) if window and window < q.shape[1] else None
        if softcap is None and sinks is None:
            grouped = q.shape[0] != k.shape[0]
            out = F.scaled_dot_product_attention(q[None], k[None], v[None], attn_mask=mask, is_causal=mask is None, scale=scale, enable_gqa=grouped)[0]
        else:
            mask = _window_mask(q.shape[1], q.shape[1], q.device) if mask is None else mask
            out = _plain_attention(q, k, v, mask, scale, softcap, sinks)
        outputs.append(out.transpose(0, 1))
    return torch.cat(outputs)


def _plain_attention(query: Tensor, key: Tensor, value: Tensor, seen: Tensor, scale: float | None, softcap: float | None, sinks: Tensor | None) -> Tensor:
    """Attention of one document written out, (H, n, D), for scores that PyTorch's attention does not support."""
    groups = query.shape[0] // key.shape[0]
    key, value = key.repeat_interleave(groups, dim=0), value.repeat_interleave(groups, dim=0)
    scores = query @ key.transpose(1, 2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores.float().masked_fill(~seen, float("-inf"))
    if sinks is not None:
        scores = torch.cat([scores, sinks.float()[:, None, None].expand(-1, len(seen), 1)], dim=-1)
    return scores.softmax(dim=-1)[..., : len(seen)].to(value.dtype) @ value


def _window_mask(n_tokens: int, window: int, device: torch.device) -> Tensor:
    """(n_tokens, n_tokens) bool; true where a query (first axis) sees a key."""
    seen = torch.ones(n_tokens, n_tokens, dtype=torch.bool, device=device)
    return seen.tril() & seen.triu(1 - window)
