import math

import torch

from eval.bits import bits_per_byte, document_nats


def test_nats_are_summed_by_document_in_double_precision():
    nats = torch.tensor([0.1, 0.2, 0.4, 0.8])
    sums = document_nats(nats, torch.tensor([2, 0, 2, 0]), 4)
    assert sums.dtype == torch.float64
    assert torch.allclose(sums, torch.tensor([1.0, 0.0, 0.5, 0.0], dtype=torch.float64))


def test_a_uniform_guess_over_bytes_costs_eight_bits_a_byte():
    assert math.isclose(bits_per_byte(10 * math.log(256), 10), 8.0)
    assert math.isnan(bits_per_byte(0.0, 0))
