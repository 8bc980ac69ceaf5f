"""The output head fused with its loss: logits exist for one chunk of tokens at a time, and gradients are computed in the forward pass.

With a vocabulary of 128k, the logits of a batch are the largest tensor of a training step. The head never holds more than
`chunk_tokens` rows of them: for each chunk it computes logits, passes them to a `ChunkLoss` (cross-entropy, distillation), and at once turns the
returned gradient into gradients of hidden states and weight, for a *sum* of losses. The backward pass only scales them.
The idea is that of Liger Kernel's fused linear cross-entropy (arXiv 2410.10989) and Cut Cross-Entropy (arXiv 2411.09009). All matrix
products are the library's; on CUDA, one kernel does everything between them (`train.loss.kernel`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from train.loss.accumulate import add_product, adds_in_float32

IGNORED = -100
"""Target of tokens without a next token: ends of documents and padding."""

_CPU_CHUNK_TOKENS = 256  # fewer make the products read the weight too often: at a vocabulary of 49k, 42 tokens take a quarter longer
_CPU_CHUNK_ELEMENTS = 1 << 20  # 4 MB of float32 logits, which stay in cache: chunks of more tokens where the vocabulary is small
_CUDA_CHUNK_TOKENS = 8192  # each chunk reads and writes the float32 gradient of the weight: with 8k tokens, 2 to 3% of the time of its products
_CUDA_CHUNK_ELEMENTS = 1 << 30  # 2 GiB of bfloat16 logits
_ALIGNMENT = 64  # rows of logits are padded to a multiple; a vocabulary such as 50,257 would otherwise keep cuBLAS from its fast kernels


class LogitTransform(NamedTuple):
    """An architecture's transform of `hidden @ weight.T + bias`: multiply by `scale`, then `softcap * tanh(logits / softcap)`."""

    scale: float = 1.0
    softcap: float | None = None


class Head(NamedTuple):
    """An output head: `weight` (V, D) and `bias` (V,) or None, in the dtype of the hidden states."""

    weight: Tensor
    bias: Tensor | None = None
    transform: LogitTransform = LogitTransform()


class Loss(NamedTuple):
    """Loss of a batch.

    `total`: the minimised quantity, summed over targets; float32 scalar with gradient. `nats`: (T,) float32 without gradient, the plain
    cross-entropy of each target for every objective, 0 where ignored. `parts`: terms that are logged separately, sums over targets, float32
    scalars without gradient.
    """

    total: Tensor
    nats: Tensor
    parts: dict[str, Tensor]


class ChunkResult(NamedTuple):
    """`minimised` and `nats` (n,) float32; `parts` (n_parts, n) float32; `d_logits` (n, V), the gradient of each token's `minimised` with respect to
    its raw logits, in their dtype. `d_logits` may share memory with the logits."""

    minimised: Tensor
    nats: Tensor
    parts: Tensor
    d_logits: Tensor | None


class SoftmaxLoss(NamedTuple):
    """`nats` (n,) float32, 0 where ignored; `log_sum` (n,) float32, log-sum-exp of the logits; `d_logits` (n, V) or None."""

    nats: Tensor
    log_sum: Tensor
    d_logits: Tensor | None


class ChunkLoss(Protocol):
    """Computes the loss of one chunk of a batch from its raw logits."""

    part_names: tuple[str, ...]

    def __call__(self, logits: Tensor, chunk: slice, with_gradients: bool) -> ChunkResult:
        """`logits` (n, V) are raw and may be overwritten; `chunk` selects their tokens in the batch. Results of ignored tokens: 0 nats, any finite value
        elsewhere."""
        ...


def chunked_loss(
    hidden: Tensor, head: Head, loss: ChunkLoss, weights: Tensor, chunk_tokens: int | None = None, *, copies: int = 1, like_cuda: bool = False
) -> Loss:
    """Sum of `loss` over the tokens of `hidden` (T, D), weighted by `weights` (T,) float32 (0 where ignored), without holding all logits at once.

    The sum has gradients for those of hidden states, head weight and head bias that require them. Memory: `chunk_tokens` * V logits (None: see
    `chunk_length`, which takes `copies`), and one float32 gradient of the head. `like_cuda` allocates as on CUDA, for meta tensors.
    """
    on_cuda = like_cuda or hidden.is_cuda
    if chunk_tokens is None:
        chunk_tokens = chunk_length(len(hidden), len(head.weight), copies) if on_cuda else max(_CPU_CHUNK_TOKENS, _CPU_CHUNK_ELEMENTS // len(head.weight))
    settings = _Settings(chunk_tokens, torch.is_grad_enabled(), like_cuda)
    total, nats, parts = _ChunkedLoss.apply(hidden, head.weight, head.bias, weights, loss, settings)
    return Loss(total, nats, dict(zip(loss.part_names, parts, strict=True)))


def chunk_length(n_tokens: int, n_vocab: int, copies: int = 1) -> int:
    """Tokens of a chunk on CUDA: at most 8,192, and at most 2 GiB of bfloat16 logits, divided by `copies`, the number of logits that the loss holds for
    each one. Chunks of a batch are about equally long, since the products of a short last one are slow."""
    longest = max(1, min(_CUDA_CHUNK_TOKENS, _CUDA_CHUNK_ELEMENTS // n_vocab) // copies)
    return -(-n_tokens // max(1, -(-n_tokens // longest)))


class _Settings(NamedTuple):
    chunk_tokens: int
    with_gradients: bool
    like_cuda: bool


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, weights: Tensor, loss: ChunkLoss, settings: _Settings
    ) -> tuple[Tensor, Tensor, Tensor]:
        n_tokens, n_vocab = len(hidden), len(weight)
        chunk_tokens, with_gradients, like_cuda = settings
        nats, minimised = hidden.new_empty((2, n_tokens), dtype=torch.float32)
        parts = hidden.new_empty((len(loss.part_names), n_tokens), dtype=torch.float32)
        gradients = _Gradients(hidden, weight, bias, ctx.needs_input_grad[:3], like_cuda) if with_gradients else None
        buffer = hidden.new_empty(min(chunk_tokens, n_tokens), -(-n_vocab // _ALIGNMENT) * _ALIGNMENT)
        for start in range(0, n_tokens, chunk_tokens):
            chunk = slice(start, min(start + chunk_tokens, n_tokens))
            logits = buffer[: chunk.stop - start, :n_vocab]
            torch.mm(hidden[chunk], weight.T, out=logits)
            if bias is not None:
                logits += bias
            minimised[chunk], nats[chunk], parts[:, chunk], d_logits = loss(logits, chunk, with_gradients)
            if gradients is not None and d_logits is not None:
                gradients.add(chunk, d_logits, weights[chunk, None])
        if gradients is not None:
            ctx.save_for_backward(gradients.d_hidden, gradients.d_weight, gradients.d_bias)
            ctx.dtype = weight.dtype
        ctx.mark_non_differentiable(nats, summed := (parts * weights).sum(dim=1))
        return (minimised * weights).sum(), nats, summed

    @staticmethod
    def backward(ctx: Any, d_total: Tensor, *_: Any) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        scaled = (None if gradient is None else torch.mul(gradient, d_total, out=_empty(gradient, ctx.dtype)) for gradient in ctx.saved_tensors)
        return *scaled, None, None, None


class _Gradients:
    """Gradients of a sum of losses for hidden states, head weight and head bias, accumulated chunk by chunk; only those that are `needed`. Those of
    the head are sums over all tokens and stay float32, whatever the dtype of the products."""

    def __init__(self, hidden: Tensor, weight: Tensor, bias: Tensor | None, needed: Sequence[bool], like_cuda: bool) -> None:
        self.hidden, self.weight, self.bias = hidden, weight, bias
        self.d_hidden = torch.empty_like(hidden) if needed[0] else None
        self.d_weight = torch.zeros_like(weight, dtype=torch.float32) if needed[1] else None
        self.d_bias = torch.zeros_like(bias, dtype=torch.float32) if bias is not None and needed[2] else None
        needs_product = weight.dtype != torch.float32 and not (like_cuda or adds_in_float32(weight.device, weight.dtype))
        self.product = torch.empty_like(weight) if self.d_weight is not None and needs_product else None

    def add(self, chunk: slice, d_logits: Tensor, weights: Tensor) -> None:
        """Add the gradients of one chunk; `weights` (n, 1) multiply the smaller factor of each product, not the (n, V) gradients."""
        if self.d_hidden is not None:
            torch.mm(d_logits, self.weight, out=self.d_hidden[chunk])
            self.d_hidden[chunk] *= weights
        if self.d_weight is not None:
            right = (self.hidden[chunk] * weights).to(self.hidden.dtype)
            add_product(self.d_weight, d_logits.T, right, self.product)
        if self.d_bias is not None:
            self.d_bias += torch.mv(d_logits.T, weights[:, 0].to(d_logits.dtype))


def _empty(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """An empty tensor of the shape of `tensor`: a product that is rounded once, as it is written, instead of twice."""
    return torch.empty_like(tensor, dtype=dtype)


def transformed(logits: Tensor, transform: LogitTransform) -> Tensor:
    """Apply the architecture's transform to raw logits of any float dtype; returns (n, V) float32."""
    logits = logits.float()
    if transform.scale != 1.0:
        logits = logits * transform.scale
    if transform.softcap is not None:
        logits = torch.tanh(logits / transform.softcap) * transform.softcap
    return logits


def through_transform(d_logits: Tensor, logits: Tensor, transform: LogitTransform) -> Tensor:
    """Turn the gradient for `transformed` logits into that for raw logits, in place; `logits` are the transformed ones. All (n, V) float32."""
    if transform.softcap is not None:
        d_logits.mul_(1 - (logits / transform.softcap).square())
    if transform.scale != 1.0:
        d_logits.mul_(transform.scale)
    return d_logits
