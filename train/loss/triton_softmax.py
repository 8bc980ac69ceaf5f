"""The kernel itself; importing this needs Triton."""

import triton
import triton.language as tl


@triton.jit
def softmax_kernel(  # type: ignore[no-untyped-def]
    logits, row_stride, targets, nats, log_sums, n_vocab, scale, softcap, z_loss,
    IGNORED: tl.constexpr, HAS_SOFTCAP: tl.constexpr, WITH_GRADIENTS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Loss, log-sum-exp and gradient of one token; see `train.loss.kernel.softmax_loss`.

    Rows are read and written to their stride, which is aligned, and not to the vocabulary's end: accesses stay 16 bytes wide at any vocabulary.
    """
    token = tl.program_id(0).to(tl.int64)
    row = logits + token * row_stride
    target = tl.load(targets + token)
    places = tl.arange(0, BLOCK)
    if target == IGNORED:
        tl.store(nats + token, 0.0)
        tl.store(log_sums + token, 0.0)
        if WITH_GRADIENTS:
            for start in range(0, n_vocab, BLOCK):
                tl.store(row + start + places, tl.zeros([BLOCK], dtype=logits.dtype.element_ty), mask=start + places < row_stride)
        return
    # Read before the loop: its reductions make all warps meet, so none can overwrite this logit before another has it.
    wanted = _transformed(tl.load(row + target).to(tl.float32), scale, softcap, HAS_SOFTCAP)
    largest = float("-inf")
    total = 0.0
    for start in range(0, n_vocab, BLOCK):
        values = _transformed(tl.load(row + start + places, mask=start + places < row_stride, other=0.0).to(tl.float32), scale, softcap, HAS_SOFTCAP)
        values = tl.where(start + places < n_vocab, values, float("-inf"))
        larger = tl.maximum(largest, tl.max(values))
        total = total * tl.exp(largest - larger) + tl.sum(tl.exp(values - larger))
        largest = larger
    log_sum = largest + tl.log(total)
    tl.store(nats + token, log_sum - wanted)
    tl.store(log_sums + token, log_sum)
    if WITH_GRADIENTS:
        factor = 1.0 + 2.0 * z_loss * log_sum
        for start in range(0, n_vocab, BLOCK):
            inside = start + places < row_stride
            values = _transformed(tl.load(row + start + places, mask=inside, other=0.0).to(tl.float32), scale, softcap, HAS_SOFTCAP)
            gradient = factor * tl.exp(values - log_sum) - tl.where(start + places == target, 1.0, 0.0)
            if HAS_SOFTCAP:
                gradient *= 1.0 - (values / softcap) * (values / softcap)
            tl.store(row + start + places, (gradient * scale).to(logits.dtype.element_ty), mask=inside)


@triton.jit
def _transformed(values, scale, softcap, HAS_SOFTCAP: tl.constexpr):  # type: ignore[no-untyped-def]
    values = values * scale
    if HAS_SOFTCAP:
        values = (2.0 * tl.sigmoid(2.0 * values / softcap) - 1.0) * softcap
    return values
