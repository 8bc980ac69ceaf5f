"""Document attention by `torch.nn.attention.varlen`: flash attention over all documents in one call (arXiv 2205.14135); CUDA, half precision."""

import inspect
import logging
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import activate_flash_attention_impl, current_flash_attention_impl, restore_flash_attention_impl
from torch.nn.attention.varlen import varlen_attn

_PARAMETERS = frozenset(inspect.signature(varlen_attn).parameters)
_HEADS = 4, 2  # of queries, and of keys and values, in the trial of `takes_fewer_kv_heads`
_FLASH_3 = "FA3"
_HOPPER = 9  # major compute capability of the only GPUs that FlashAttention 3 runs on
_TOLERANCE = 2e-2  # bfloat16 rounds to 2^-8 at the inputs and outputs


def attend(
    query: Tensor, key: Tensor, value: Tensor, cu_seqlens: Tensor, longest: int, scale: float | None, window: int | None, *, group_heads: bool = True
) -> Tensor:
    """Causal attention within each document; `query` (T, H, D), `key` and `value` (T, H_kv, D). Returns (T, H, D).

    `cu_seqlens` (N + 1,) int32 are boundaries of N documents, of which none is longer than `longest`. Without `group_heads`, keys and values are copied
    to H heads first.
    """
    options: dict[str, Any] = {"scale": scale, "window_size": (window - 1 if window else -1, 0)}
    groups = query.shape[1] // key.shape[1]
    if groups > 1 and not group_heads:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    elif groups > 1 and "enable_gqa" in _PARAMETERS:
        options["enable_gqa"] = True
    out = varlen_attn(query, key, value, cu_seqlens, cu_seqlens, longest, longest, **options)
    assert isinstance(out, Tensor)
    return out


def use_flash_attention_3(device: torch.device) -> bool:
    """Let varlen attention run FlashAttention 3 (arXiv 2407.08608) on a Hopper GPU where its package (`flash_attn_interface`) is installed; returns
    whether it does. Torch's own kernel is FlashAttention 2.

    A small trial compares the two. If they differ or the package does not work, a warning says so and torch's kernel stays.
    """
    if current_flash_attention_impl() == _FLASH_3:
        return True
    if find_spec("flash_attn_interface") is None or torch.cuda.get_device_capability(device)[0] != _HOPPER:
        return False
    problem = "its results differ from those of FlashAttention 2"
    try:
        expected = _trial(device, group_heads=False)
        activate_flash_attention_impl(_FLASH_3)
        if _agree(_trial(device, group_heads=False), expected):
            logging.info("attention: varlen runs FlashAttention 3")
            return True
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        problem = " ".join(str(error).split())[:200]
    if current_flash_attention_impl() is not None:
        restore_flash_attention_impl()
    logging.warning("attention: flash_attn_interface (FlashAttention 3) is installed but not used: %s", problem)
    return False


@cache
def takes_fewer_kv_heads(device: torch.device) -> bool:
    """Whether the kernel computes grouped-query attention itself, so that keys and values need no copies.

    torch 2.13 documents it (`enable_gqa`). torch 2.11 calls the same kernel with the same arguments but does not document it, so there a small trial of
    the forward and backward pass decides.
    """
    if "enable_gqa" in _PARAMETERS:
        return True
    try:
        grouped, copied = (_trial(device, group_heads=group_heads) for group_heads in (True, False))
        agree = _agree(grouped, copied)
    except (NotImplementedError, RuntimeError, ValueError):
        agree = False
    if not agree:
        logging.warning("attention: varlen does not support fewer heads of keys and values than of queries in torch %s, so they are copied", torch.__version__)
    return agree


def _agree(found: list[Tensor], expected: list[Tensor]) -> bool:
    return all(torch.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE) for one, other in zip(found, expected, strict=True))


def _trial(device: torch.device, *, group_heads: bool) -> list[Tensor]:
    """Output and gradients of attention over two documents, float32."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(24, n_heads, 64, generator=generator).to(device, torch.bfloat16).requires_grad_() for n_heads in (_HEADS[0], _HEADS[1], _HEADS[1])
    )
    boundaries = torch.tensor([0, 9, 24], dtype=torch.int32, device=device)
    with torch.enable_grad():
        out = attend(query, key, value, boundaries, 15, None, None, group_heads=group_heads)
        gradients = torch.autograd.grad(out.float().square().sum(), (query, key, value))
    return [tensor.detach().float() for tensor in (out, *gradients)]
