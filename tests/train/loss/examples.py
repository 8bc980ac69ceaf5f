"""Hidden states, heads and targets, and the plain formulas that losses are compared with."""

import torch
import torch.nn.functional as F

from train.loss.head import IGNORED, Head, LogitTransform

TRANSFORMS = [LogitTransform(), LogitTransform(0.25), LogitTransform(softcap=3.0), LogitTransform(0.5, 2.0)]


def example(dtype=torch.float32, n_tokens=37, n_vocab=50, size=16, seed=1, bias=False, transform=LogitTransform()):  # noqa: B008 (immutable)
    """Hidden states, a head, and targets of which every fifth is ignored."""
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(n_tokens, size, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(n_vocab, size, generator=generator).to(dtype).requires_grad_()
    vector = torch.randn(n_vocab, generator=generator).to(dtype).requires_grad_() if bias else None
    targets = torch.randint(0, n_vocab, (n_tokens,), generator=generator)
    targets[::5] = IGNORED
    return hidden, Head(weight, vector, transform), targets


def slow_logits(hidden, head):
    logits = (hidden @ head.weight.T + (0 if head.bias is None else head.bias)) * head.transform.scale
    return logits if head.transform.softcap is None else head.transform.softcap * torch.tanh(logits / head.transform.softcap)


def slow_nats(hidden, head, targets):
    return F.cross_entropy(slow_logits(hidden, head), targets, reduction="none", ignore_index=IGNORED)


def leaves(hidden, head):
    return [tensor for tensor in (hidden, head.weight, head.bias) if tensor is not None]


def assert_same_gradients(found, expected, inputs, rtol=1e-5, atol=1e-5):
    for one, other in zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol)


def like_cublas(total, left, right, *, out_dtype, out):
    """What torch.addmm with `out_dtype` computes on CUDA, where it exists: products of two bytes, summed in `total` in float32."""
    assert total.dtype == out.dtype == out_dtype == torch.float32 and left.dtype == right.dtype != torch.float32
    return out.copy_(total + left.float() @ right.float())
