import pytest
import torch

from tests.train.loss.examples import example, like_cublas, slow_nats
from train.loss import accumulate, head
from train.loss.accumulate import add_product, adds_in_float32
from train.loss.cross_entropy import linear_cross_entropy
from train.loss.head import Head


def factors(dtype):
    torch.manual_seed(0)
    return torch.randn(8, 5), torch.randn(8, 3).to(dtype), torch.randn(3, 5).to(dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_product_without_a_buffer_is_never_rounded_to_the_dtype_of_its_factors(dtype, monkeypatch):
    monkeypatch.setattr(accumulate.torch, "addmm", like_cublas)
    total, left, right = factors(dtype)
    expected = total + left.float() @ right.float()
    rounded = total.clone()
    add_product(rounded, left, right, torch.empty(8, 5, dtype=dtype))
    add_product(total, left, right, None)
    torch.testing.assert_close(total, expected, rtol=1e-6, atol=1e-6)
    assert 1e-4 < (rounded - expected).abs().max() < 3e-2


def test_float32_factors_need_no_buffer():
    total, left, right = factors(torch.float32)
    expected = total + left @ right
    add_product(total, left, right, None)
    torch.testing.assert_close(total, expected)


def test_cpus_cannot_and_devices_whose_library_lacks_the_product_cannot_either(monkeypatch):
    assert not adds_in_float32(torch.device("cpu"), torch.bfloat16)
    assert not adds_in_float32(torch.device("meta"), torch.bfloat16)
    adds_in_float32.cache_clear()
    ones = torch.ones
    monkeypatch.setattr(accumulate.torch, "ones", lambda *shape, device, dtype=torch.float32: ones(*shape, dtype=dtype))
    assert not adds_in_float32(torch.device("cuda"), torch.bfloat16), "this product is missing on a CPU"
    adds_in_float32.cache_clear()
    monkeypatch.setattr(accumulate.torch, "addmm", like_cublas)
    assert adds_in_float32(torch.device("cuda"), torch.bfloat16)
    adds_in_float32.cache_clear()


def test_gradients_of_the_head_are_nearer_to_the_exact_ones_where_products_add_in_float32(monkeypatch):
    """As on CUDA: the gradient of the weight is rounded once, not after every chunk."""
    hidden, output, targets = example(torch.bfloat16, n_tokens=512)
    wide = Head(output.weight.detach().float().requires_grad_())
    exact = torch.autograd.grad(slow_nats(hidden.detach().float(), wide, targets).sum(), wide.weight)[0]

    def error():
        found = torch.autograd.grad(linear_cross_entropy(hidden, output, targets, chunk_tokens=16).total, output.weight)[0]
        return float((found.float() - exact).norm() / exact.norm())

    by_chunk = error()
    monkeypatch.setattr(head, "adds_in_float32", lambda device, dtype: True)
    monkeypatch.setattr(accumulate.torch, "addmm", like_cublas)
    assert error() < by_chunk < 1e-2
