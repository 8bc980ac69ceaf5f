"""Cross-entropy of the next token, with z-loss: the default objective."""

import torch
from torch import Tensor

from train.loss import kernel
from train.loss.head import IGNORED, ChunkResult, Head, LogitTransform, Loss, SoftmaxLoss, chunked_loss, through_transform, transformed


class CrossEntropy:
    """A `ChunkLoss`: nats of each target, and `z_loss` times the square of its log-sum-exp, which keeps logits from drifting
    (PaLM, arXiv 2204.02311, section 5). `targets` (T,) int64 below V, or IGNORED."""

    def __init__(self, targets: Tensor, transform: LogitTransform, z_loss: float = 0.0) -> None:
        self.targets, self.transform, self.z_loss = targets, transform, z_loss
        self.part_names: tuple[str, ...] = ("z_loss",) if z_loss else ()

    def __call__(self, logits: Tensor, chunk: slice, with_gradients: bool) -> ChunkResult:
        """See `ChunkLoss`."""
        compute = kernel.softmax_loss if kernel.usable(logits) else softmax_loss
        loss = compute(logits, self.targets[chunk], self.transform, self.z_loss, with_gradients)
        if not self.z_loss:
            return ChunkResult(loss.nats, loss.nats, loss.nats.new_empty(0, len(loss.nats)), loss.d_logits)
        z_loss = self.z_loss * loss.log_sum.square()
        return ChunkResult(loss.nats + z_loss, loss.nats, z_loss[None], loss.d_logits)


def softmax_loss(logits: Tensor, targets: Tensor, transform: LogitTransform, z_loss: float, with_gradients: bool) -> SoftmaxLoss:
    """Nats of `targets` (n,) under raw `logits` (n, V), and the gradient of `nats + z_loss * log_sum²` with respect to the raw logits, in their dtype."""
    dtype, used = logits.dtype, targets != IGNORED
    indices = targets.clamp_min(0)[:, None]
    logits = transformed(logits, transform)
    # log-sum-exp from the largest probability (at least 1/V): exact in float32, and saves two passes compared with torch.logsumexp.
    largest, where = logits.max(dim=-1, keepdim=True)
    probabilities = torch.softmax(logits, dim=-1)
    log_sum = largest - probabilities.gather(-1, where).log()
    nats = torch.where(used, (log_sum - logits.gather(-1, indices))[:, 0], 0.0)
    if not with_gradients:
        return SoftmaxLoss(nats, log_sum[:, 0], None)
    if z_loss:
        probabilities.mul_(1 + 2 * z_loss * log_sum)
    d_logits = probabilities.scatter_add_(-1, indices, probabilities.new_full((1, 1), -1.0).expand(len(targets), 1))
    return SoftmaxLoss(nats, log_sum[:, 0], through_transform(d_logits, logits, transform).to(dtype))


def linear_cross_entropy(
    hidden: Tensor, head: Head, targets: Tensor, *, z_loss: float = 0.0, weights: Tensor | None = None, chunk_tokens: int | None = None
) -> Loss:
    """Cross-entropy of `softmax(transform(hidden @ weight.T + bias))` against `targets`, without holding all logits at once.

    `hidden` (T, D); `targets` (T,) int64 below V, or IGNORED; `weights` (T,) float32 multiplies each token's loss. Matches
    `torch.nn.functional.cross_entropy(..., reduction="sum")` to float32 rounding. Without any targets the total is 0.
    """
    return chunked_loss(hidden, head, CrossEntropy(targets, head.transform, z_loss), token_weights(targets, weights), chunk_tokens)


def token_weights(targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """(T,) float32: `weights`, or 1, where there is a target, and 0 elsewhere."""
    used = (targets != IGNORED).float()
    return used if weights is None else used * weights
