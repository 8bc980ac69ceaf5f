"""Stand-ins for attention and loss that compute nothing but keep the same tensors, so that a step can be measured on meta tensors."""

from typing import Any

import torch
from torch import Tensor, nn

from train.batch import MicroBatch
from train.loss.cross_entropy import token_weights
from train.loss.head import ChunkResult, Head, Loss, chunked_loss

NAME = "cptkit_plan"
OPERATOR = "cptkit::planned_attention"


def register() -> None:
    """Register the stand-ins with transformers: NAME for flash attention on a GPU, NAME_by_document for a CPU."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, _fused)
    AttentionInterface.register(f"{NAME}_by_document", _by_document)


def _fused(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **options: Any) -> tuple[Tensor, None]:
    """One fused call over all documents; (B, H, S, D) in, (B, S, H, D) out."""
    return _attention(query, key, value)[0], None


def _by_document(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **options: Any) -> tuple[Tensor, None]:
    """One call per document: keeps the outputs, and their concatenation."""
    return _attention(query, key, value)[0].clone(), None


@torch.library.custom_op(OPERATOR, mutates_args=())
def _attention(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Output (B, S, H, D), and one float32 per token and head (B, H, S), like flash attention (arXiv 2205.14135)."""
    return _shapes(query, key, value)


@_attention.register_fake
def _shapes(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    n_rows, n_heads, n_tokens, _ = query.shape
    return query.new_empty(n_rows, n_tokens, n_heads, value.shape[-1]), query.new_empty(n_rows, n_heads, n_tokens, dtype=torch.float32)


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, *output)


def _backward(ctx: Any, *_: Tensor) -> tuple[Tensor, ...]:
    query, key, value, _, _ = ctx.saved_tensors
    return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


_attention.register_autograd(_backward, setup_context=_keep)


class PlannedObjective:
    """The loss as a GPU computes it: one kernel per chunk, which overwrites the logits with the gradient."""

    part_names: tuple[str, ...] = ()

    def __call__(self, hidden: Tensor, head: Head, batch: MicroBatch) -> Loss:
        """See `train.loss.objective.Objective`."""
        return chunked_loss(hidden, head, _in_place, token_weights(batch.targets.flatten()), like_cuda=True)


class _InPlace:
    """A `ChunkLoss` that allocates like `train.loss.kernel` but computes nothing."""

    part_names: tuple[str, ...] = ()

    def __call__(self, logits: Tensor, chunk: slice, with_gradients: bool) -> ChunkResult:
        nats = logits.new_empty(len(logits), dtype=torch.float32)
        return ChunkResult(nats, nats, nats.new_empty(0, len(nats)), logits)


_in_place = _InPlace()
