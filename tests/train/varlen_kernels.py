"""Stand-ins on the CPU for the kernels of `torch.nn.attention.varlen`, so that what runs on CUDA can be traced and run without it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.attention.varlen
from torch import library


@contextmanager
def varlen_kernels(forward=None) -> Iterator[None]:
    """Within the context, varlen attention runs on the CPU; `forward` replaces its kernel."""
    with library._scoped_library("torch_attn", "IMPL") as kernels:
        kernels.impl("_varlen_attn", forward or attend, "CPU")
        kernels.impl("_varlen_attn_backward", gradients, "CPU")
        yield


def attend(query, key, value, cu_seqlens, cu_seqlens_k, max_q, max_k, is_causal=False, scale=None, window_size=None, *_):
    """Output (T, H, D), log-sum-exp of the scores (H, T), and the state of a random generator that nothing uses."""
    scores, _, values = _scores(query, key, value, cu_seqlens, max_q, scale, window_size)
    out = torch.einsum("hqk,khd->qhd", scores.softmax(-1), values)
    return torch.empty_like(query).copy_(out), scores.logsumexp(-1), torch.zeros(2, dtype=torch.uint64)


def gradients(d_out, query, key, value, out, lse, cu_seqlens, cu_seqlens_k, max_q, max_k, is_causal, rng_state, scale=None, window_size=None):
    """Gradients of query, key and value: d_scores = p (d_p - sum(p d_p))."""
    scores, keys, values = _scores(query, key, value, cu_seqlens, max_q, scale, window_size)
    d_out, p = d_out.float(), (scores - lse[..., None]).exp()
    d_p = torch.einsum("qhd,khd->hqk", d_out, values)
    d_scores = p * (d_p - (p * d_p).sum(-1, keepdim=True)) * _scale(query, scale)
    d_query, d_keys = torch.einsum("hqk,khd->qhd", d_scores, keys), torch.einsum("hqk,qhd->khd", d_scores, query.float())
    d_values = torch.einsum("hqk,qhd->khd", p, d_out)
    ungrouped = [tensor.unflatten(1, (key.shape[1], -1)).sum(2) for tensor in (d_keys, d_values)]
    return tuple(torch.empty_like(like).copy_(tensor) for like, tensor in zip((query, key, value), (d_query, *ungrouped), strict=True))


def _scores(query, key, value, cu_seqlens, longest, scale, window_size):
    """Scores (H, T, T) with -inf where a query does not see a key; keys and values (T, H, D), each head of its own. All float32."""
    assert cu_seqlens.diff().max() <= longest
    groups = query.shape[1] // key.shape[1]
    keys, values = (tensor.float().repeat_interleave(groups, dim=1) for tensor in (key, value))
    tokens = torch.arange(len(query), dtype=torch.int32)
    document = torch.searchsorted(cu_seqlens, tokens, right=True)
    back = tokens[:, None] - tokens
    seen = (document[:, None] == document) & (back >= 0)
    if window_size is not None and window_size[0] >= 0:
        seen &= back <= window_size[0]
    scores = torch.einsum("qhd,khd->hqk", query.float(), keys) * _scale(query, scale)
    return scores.masked_fill(~seen, float("-inf")), keys, values


def _scale(query, scale):
    return query.shape[-1] ** -0.5 if scale is None else scale
