"""The computation between the head's matrix products as one Triton kernel for CUDA: log-sum-exp, loss and gradient of each token.

In plain PyTorch this takes a dozen passes over (n, V) float32 tensors, which cost more than the matrix products. The kernel reads the logits twice and
writes them once, in their own dtype: one program per token, an online softmax in float32 registers (arXiv 1805.02867), then the gradient overwrites
the logits. Triton comes with PyTorch for CUDA and is not needed elsewhere.
"""

from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from train.loss.head import IGNORED, LogitTransform, SoftmaxLoss

_BLOCK = 4096  # logits that a program holds at a time
_N_WARPS = 8


@cache
def installed() -> bool:
    """Whether Triton is installed."""
    return find_spec("triton") is not None


def usable(logits: Tensor) -> bool:
    """Whether the kernel can process these logits."""
    return logits.is_cuda and installed()


def softmax_loss(logits: Tensor, targets: Tensor, transform: LogitTransform, z_loss: float, with_gradients: bool) -> SoftmaxLoss:
    """Same result as `train.loss.cross_entropy.softmax_loss`; the gradient overwrites `logits` (n, V) and the padding between its rows, each of which
    must be contiguous."""
    from train.loss.triton_softmax import softmax_kernel

    nats, log_sum = torch.empty((2, len(logits)), dtype=torch.float32, device=logits.device)
    softmax_kernel[(len(logits),)](
        logits, logits.stride(0), targets, nats, log_sum, logits.shape[1], transform.scale, transform.softcap or 1.0, z_loss,
        IGNORED=IGNORED, HAS_SOFTCAP=transform.softcap is not None, WITH_GRADIENTS=with_gradients, BLOCK=_BLOCK, num_warps=_N_WARPS,
    )  # fmt: skip
    return SoftmaxLoss(nats, log_sum, logits if with_gradients else None)
