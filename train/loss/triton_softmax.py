"""The Triton kernel of `train.loss.kernel`, in a file of its own because importing it needs Triton."""

import triton
import triton.language as tl


@triton.jit
def softmax_kernel(  # type: ignore[no-untyped-def]
    logits, row_stride, targets, nats, log_sums, n_vocab, scale, softcap, z_loss,
    IGNORED: tl.constexpr, HAS_SOFTCAP: tl.constexpr, WITH_GRADIENTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Loss, log-sum-exp and gradient of one token; see `train.loss.kernel.softmax_loss`.

    Rows are read and written up to their aligned stride, not just to the end of the vocabulary, so that accesses are 16 bytes wide for any vocabulary.
    """
    token = tl.program_id(0).to(tl.int64)
    row = logits + token * row_stride
    target = tl.load(targets + token)
    columns = tl.arange(0, BLOCK)
    if target == IGNORED:
        tl.store(nats + token, 0.0)
        tl.store(log_sums + token, 0.0)
        if WITH_GRADIENTS:
            for start in range(0, n_vocab, BLOCK):
                tl.store(row + start + columns, tl.zeros([BLOCK], dtype=logits.dtype.element_ty), mask=start + columns < row_stride)
        return
    # Read before the loop: the loop's reductions synchronise all warps, so none can overwrite this logit before another has read it.
    target_logit = _transformed(tl.load(row + target).to(tl.float32), scale, softcap, HAS_SOFTCAP)
    largest = float("-inf")
    total = 0.0
    for start in range(0, n_vocab, BLOCK):
        values = _transformed(tl.load(row + start + columns, mask=start + columns < row_stride, other=0.0).to(tl.float32), scale, softcap, HAS_SOFTCAP)
        values = tl.where(start + columns < n_vocab, values, float("-inf"))
        larger = tl.maximum(largest, tl.max(values))
        total = total * tl.exp(largest - larger) + tl.sum(tl.exp(values - larger))
        largest = larger
    log_sum = largest + tl.log(total)
    tl.store(nats + token, log_sum - target_logit)
    tl.store(log_sums + token, log_sum)
    if WITH_GRADIENTS:
        factor = 1.0 + 2.0 * z_loss * log_sum
        for start in range(0, n_vocab, BLOCK):
            inside = start + columns < row_stride
            values = _transformed(tl.load(row + start + columns, mask=inside, other=0.0).to(tl.float32), scale, softcap, HAS_SOFTCAP)
            gradient = factor * tl.exp(values - log_sum) - tl.where(start + columns == target, 1.0, 0.0)
            if HAS_SOFTCAP:
                gradient *= 1.0 - (values / softcap) * (values / softcap)
            tl.store(row + start + columns, (gradient * scale).to(logits.dtype.element_ty), mask=inside)


@triton.jit
def _transformed(values, scale, softcap, HAS_SOFTCAP: tl.constexpr):  # type: ignore[no-untyped-def]
    values = values * scale
    if HAS_SOFTCAP:
        values = (2.0 * tl.sigmoid(2.0 * values / softcap) - 1.0) * softcap
    return values
