"""Document attention by `torch.nn.attention.flex_attention`: used on CUDA for what flash attention does not support, and in tests as a check.

The documents' boundaries determine which blocks of the score matrix are visible, with a few operations on one number per block. PyTorch's
`create_block_mask` would evaluate the mask for every pair of tokens.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor
from torch._dynamo.exc import FailOnRecompileLimitHit
from torch.nn.attention.flex_attention import AuxRequest, BlockMask, flex_attention

from train.errors import TrainError

BLOCK_TOKENS = 128
MAX_KERNELS = 64
"""Limit of shapes and kinds of scores for which kernels are compiled; a run without stages needs about 6."""


def block_mask(cu_seqlens: Tensor, n_rows: int, row_tokens: int, window: int | None) -> BlockMask:
    """The keys that each query sees: those of its own document, not after the query, and among the last `window`. Does not wait for the device.

    `cu_seqlens` (N + 1,) int32, as in `MicroBatch`; no document crosses the end of a row.
    """
    tokens = torch.arange(n_rows * row_tokens, device=cu_seqlens.device, dtype=torch.int32)
    # Index in its row of each document's first token. The first token that a query sees never decreases along a row.
    document = torch.searchsorted(cu_seqlens, tokens, right=True) - 1
    positions = tokens.view(n_rows, row_tokens) % row_tokens
    first_seen = (cu_seqlens[document] % row_tokens).view(n_rows, row_tokens)
    if window is not None:
        first_seen = torch.maximum(first_seen, positions - window + 1)
    first_seen = first_seen.to(torch.int32).contiguous()

    def sees(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & (key >= first_seen[row, query])

    partial, full = _blocks(first_seen)
    mask: BlockMask = BlockMask.from_kv_blocks(
        *_in_order(partial), *_in_order(full), BLOCK_SIZE=BLOCK_TOKENS, mask_mod=sees, seq_lengths=(row_tokens, row_tokens)
    )
    return mask


def _blocks(first_seen: Tensor) -> tuple[Tensor, Tensor]:
    """Two (n_rows, n_blocks, n_blocks) bool: blocks of queries (axis 1) and keys (axis 2) that are partly visible, and fully visible."""
    row_tokens = first_seen.shape[1]
    starts = torch.arange(0, row_tokens, BLOCK_TOKENS, device=first_seen.device)
    ends = (starts + BLOCK_TOKENS).clamp_max(row_tokens) - 1
    keys, queries = torch.arange(len(starts), device=first_seen.device), torch.arange(len(starts), device=first_seen.device)[:, None]
    least, most = first_seen[:, starts, None], first_seen[:, ends, None]  # per block of queries, (n_rows, n_blocks, 1)
    touched = (keys <= queries) & (ends >= least)
    full = (keys < queries) & (starts >= most)
    return touched & ~full, full


def _in_order(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Number of true blocks per block of queries, (n_rows, 1, n), and all block indices, true ones first, (n_rows, 1, n, n)."""
    order = blocks.to(torch.int8).argsort(dim=-1, descending=True, stable=True)
    return blocks.sum(dim=-1, dtype=torch.int32)[:, None].contiguous(), order.to(torch.int32)[:, None].contiguous()


def attend(query: Tensor, key: Tensor, value: Tensor, mask: BlockMask, scale: float | None, softcap: float | None, sinks: Tensor | None) -> Tensor:
    """Attention under a block mask; `query` (B, H, S, D), `key` and `value` (B, H_kv, S, D), `sinks` (H,). Returns (B, S, H, D)."""
    options: dict[str, Any] = {"score_mod": _capped(softcap), "block_mask": mask, "scale": scale, "enable_gqa": query.shape[1] != key.shape[1]}
    if query.is_cuda:  # otherwise rows under 128 tokens, as in the self-check, would use another kernel than training
        options["kernel_options"] = {"BACKEND": "TRITON"}
    function = fused if query.is_cuda else cast(Callable[..., Any], flex_attention)
    if sinks is None:
        return function(query, key, value, **options).transpose(1, 2)
    out, aux = function(query, key, value, return_aux=AuxRequest(lse=True), **options)
    share = torch.sigmoid(aux.lse - sinks.float()[:, None])  # share of the softmax that the sink leaves
    return (out * share[..., None].to(out.dtype)).transpose(1, 2)


def fused(query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Any:
    """`flex_attention` as one compiled kernel for each shape of the tensors. Raises TrainError where PyTorch would compute the whole matrix of scores instead,
    whose memory grows with the square of the row length: after too many shapes, or if it cannot compile the kernel."""
    if torch.compiler.is_compiling():  # part of a compiled layer
        return flex_attention(query, key, value, **options)
    try:
        return _compiled()(query, key, value, **options)
    except FailOnRecompileLimitHit:
        raise TrainError(f"attention: flex: more than {MAX_KERNELS} shapes of batches, each with a kernel of its own; use fewer row lengths") from None
    except Exception as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor", "triton")):
            raise
        cause = f"{type(error.__cause__ or error).__name__}: {' '.join(str(error.__cause__ or error).split())[:300]}"
        raise TrainError(f"attention: flex: PyTorch cannot compile it for heads of {query.shape[-1]} dimensions ({cause}); use attention: sdpa") from error


@cache
def _compiled() -> Callable[..., Any]:
    torch._dynamo.config.recompile_limit = max(MAX_KERNELS, torch._dynamo.config.recompile_limit)
    return torch.compile(flex_attention, dynamic=False, fullgraph=True)


@cache
def _capped(softcap: float | None) -> Callable[..., Tensor] | None:
    """Cached, so that the same cap gives the same function and nothing is compiled twice."""
    if softcap is None:
        return None

    def cap(score: Tensor, row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return softcap * torch.tanh(score / softcap)

    return cap
