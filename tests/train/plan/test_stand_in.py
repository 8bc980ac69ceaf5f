from types import SimpleNamespace

import pytest
import torch

from train.loss.head import Head
from train.plan.live import LiveBytes
from train.plan.stand_in import PlannedObjective


def test_the_head_on_a_gpu_takes_2_gib_of_logits_and_one_float32_gradient_of_its_weight():
    """No buffer for the product that is added to the gradient, and logits of 8,192 tokens whatever the batch."""
    n_tokens, n_vocab, width = 16_384, 128_256, 512
    with torch.device("meta"):
        hidden, weight = (torch.empty(n, width, dtype=torch.bfloat16, requires_grad=True) for n in (n_tokens, n_vocab))
        targets = torch.zeros(1, n_tokens, dtype=torch.int64)
    with LiveBytes([hidden, weight, targets]) as live:
        loss = PlannedObjective()(hidden, Head(weight), SimpleNamespace(targets=targets)).total
        assert live.peak == pytest.approx(2 * 8192 * n_vocab + 4 * n_vocab * width, rel=0.02)
        loss.backward()
    assert (hidden.grad.dtype, weight.grad.dtype) == (torch.bfloat16, torch.bfloat16)
