"""The output head and its loss in one: logits exist for one chunk of tokens at a time, gradients are made in the forward pass.

At a vocabulary of 128k the logits of a row batch are the largest tensor of a training step. The head never holds more than
`chunk_tokens` rows of them: per chunk it takes the log-sum-exp in float32, the loss of each token, and at once the gradients
of hidden states and weight for a *sum* loss. The backward pass only scales them. The idea is that of Liger Kernel's fused
linear cross-entropy (arXiv 2410.10989) and Cut Cross-Entropy (arXiv 2411.09009), here in plain PyTorch for CPU and CUDA.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

IGNORED = -100
"""Target of tokens that have nothing to predict: ends of documents and padding."""

_CPU_CHUNK_ELEMENTS = 1 << 21  # 8 MB of float32 logits: probabilities are still in cache when the gradient products read them
_CUDA_CHUNK_ELEMENTS = 1 << 28  # 0.5 GB of bfloat16 logits: large enough for the matrix products to run at full speed


class LinearCrossEntropy(NamedTuple):
    """`total`: sum of the loss over targets in nats, float32 scalar with gradient. `nats`: (T,) float32 without gradient, 0 where ignored."""

    total: Tensor
    nats: Tensor


class LogitTransform(NamedTuple):
    """What an architecture does to `hidden @ weight.T`: times `scale`, then `softcap * tanh(logits / softcap)`."""

    scale: float = 1.0
    softcap: float | None = None


PLAIN_LOGITS = LogitTransform()


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, transform: LogitTransform = PLAIN_LOGITS, chunk_tokens: int | None = None
) -> LinearCrossEntropy:
    """Cross-entropy of `softmax(transform(hidden @ weight.T))` against `targets`, without ever holding all logits.

    `hidden` (T, D) and `weight` (V, D) of one float dtype; `targets` (T,) int64 below V, or IGNORED. Matches
    `torch.nn.functional.cross_entropy(..., reduction="sum")` to float32 rounding. With no targets at all the total is 0.
    """
    if chunk_tokens is None:
        elements = _CUDA_CHUNK_ELEMENTS if hidden.is_cuda else _CPU_CHUNK_ELEMENTS
        chunk_tokens = max(1, elements // weight.shape[0])
    total, nats = _LinearCrossEntropy.apply(hidden, weight, targets, transform, chunk_tokens, torch.is_grad_enabled())
    return LinearCrossEntropy(total, nats)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, transform: LogitTransform, chunk_tokens: int, with_gradients: bool
    ) -> tuple[Tensor, Tensor]:
        nats = torch.empty(hidden.shape[0], dtype=torch.float32, device=hidden.device)
        d_hidden = torch.empty_like(hidden) if with_gradients else None
        d_weight = torch.zeros_like(weight, dtype=torch.float32) if with_gradients else None
        for start in range(0, hidden.shape[0], chunk_tokens):
            chunk = slice(start, start + chunk_tokens)
            used = targets[chunk] != IGNORED
            nats[chunk], d_logits = _chunk_loss(hidden[chunk] @ weight.T, targets[chunk].clamp_min(0), used, transform, with_gradients)
            if d_hidden is not None and d_weight is not None and d_logits is not None:
                torch.mm(d_logits, weight, out=d_hidden[chunk])
                d_hidden[chunk] *= used[:, None]
                _add_product(d_weight, d_logits, hidden[chunk] * used[:, None])
        if d_hidden is not None and d_weight is not None:
            ctx.save_for_backward(d_hidden, d_weight.to(weight.dtype))
        ctx.mark_non_differentiable(nats)
        return nats.sum(), nats

    @staticmethod
    def backward(ctx: Any, d_total: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_hidden, d_weight = ctx.saved_tensors
        return d_hidden * d_total, d_weight * d_total, None, None, None, None


def _chunk_loss(logits: Tensor, targets: Tensor, used: Tensor, transform: LogitTransform, with_gradients: bool) -> tuple[Tensor, Tensor | None]:
    """Loss of each token (chunk,) and, if asked for, the gradient of their sum by the raw logits (chunk, V), of the logits' dtype."""
    dtype = logits.dtype
    logits = logits.float()
    if transform.scale != 1.0:
        logits = logits * transform.scale
    if transform.softcap is not None:
        logits = torch.tanh(logits / transform.softcap) * transform.softcap
    # log-sum-exp from the largest probability (at least 1/V): exact in float32, and two passes cheaper than torch.logsumexp.
    largest, where = logits.max(dim=-1, keepdim=True)
    probabilities = torch.softmax(logits, dim=-1)
    log_sum = largest - probabilities.gather(-1, where).log()
    nats = torch.where(used, (log_sum - logits.gather(-1, targets[:, None]))[:, 0], 0.0)
    if not with_gradients:
        return nats, None
    minus_one = probabilities.new_full((1, 1), -1.0).expand(len(targets), 1)
    d_logits = probabilities.scatter_add_(-1, targets[:, None], minus_one)
    if transform.softcap is not None:
        d_logits.mul_(1 - (logits / transform.softcap).square())
    if transform.scale != 1.0:
        d_logits.mul_(transform.scale)
    return nats, d_logits.to(dtype)


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """`total += left.T @ right`, summed in float32 over chunks whatever dtype the product has."""
    if left.dtype == total.dtype:
        total.addmm_(left.T, right)
    else:
        total += left.T @ right
