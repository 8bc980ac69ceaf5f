import sys

import pytest
import torch
from torch import nn
from torch.nn.attention import current_flash_attention_impl, restore_flash_attention_impl

from tests.train import varlen_kernels
from tests.train.flash_attn_3 import package
from tests.train.test_attention import SCALE, slow, tensors
from tests.train.varlen_kernels import varlen_kernels as stand_ins
from train import varlen
from train.attention import document_attention

CPU = torch.device("cpu")
BOUNDARIES = [0, 4, 5, 9, 18]


@pytest.fixture(autouse=True)
def forget_trials():
    yield
    varlen.takes_fewer_kv_heads.cache_clear()


@pytest.mark.parametrize("n_kv_heads", [4, 2, 1])
@pytest.mark.parametrize("window", [None, 1, 3, 100])
@pytest.mark.parametrize("group_heads", [True, False])
def test_the_kernel_is_called_so_that_documents_attend_to_their_own_past(n_kv_heads, window, group_heads):
    query, key, value = tensors(n_kv_heads)
    given = {"scaling": SCALE, "sliding_window": window, "attention_backend": "varlen", "max_length_q": 9, "group_heads": group_heads}
    with stand_ins():
        found, _ = document_attention(nn.Module(), query, key, value, None, cu_seq_lens_q=torch.tensor([*BOUNDARIES, 18], dtype=torch.int32), **given)
    torch.testing.assert_close(found, slow(query, key, value, BOUNDARIES, window), rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_the_definition():
    inputs = tensors(2, gradients=True)
    given = {"scaling": SCALE, "attention_backend": "varlen", "max_length_q": 9, "cu_seq_lens_q": torch.tensor(BOUNDARIES, dtype=torch.int32)}
    weights = torch.randn(2, 9, 4, 8, generator=torch.Generator().manual_seed(1))
    with stand_ins():
        found, _ = document_attention(nn.Module(), *inputs, None, **given)
        gradients = torch.autograd.grad((found * weights).sum(), inputs)
    expected = torch.autograd.grad((slow(*inputs, BOUNDARIES) * weights).sum(), inputs)
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.fixture
def undocumented(monkeypatch):
    """A torch whose varlen_attn has no `enable_gqa`: it passes fewer heads to the kernel without checking them, like torch 2.11's."""
    operator = torch.ops.torch_attn._varlen_attn

    def varlen_attn(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, scale=None, window_size=(-1, -1)):
        return operator(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, window_size == (-1, 0), scale, list(window_size))[0]

    monkeypatch.setattr(varlen, "varlen_attn", varlen_attn)
    monkeypatch.setattr(varlen, "_PARAMETERS", frozenset(("scale", "window_size")))


def test_fewer_kv_heads_are_passed_on_where_the_kernel_takes_them(undocumented, caplog):
    heads = []

    def seeing(query, key, *rest):
        heads.append((query.shape[1], key.shape[1]))
        return varlen_kernels.attend(query, key, *rest)

    with stand_ins(seeing):
        assert varlen.takes_fewer_kv_heads(CPU)
        query, key, value = (tensor.transpose(1, 2).flatten(0, 1) for tensor in tensors(2))
        varlen.attend(query, key, value, torch.tensor([0, 18], dtype=torch.int32), 18, None, None)
    assert heads == [(4, 2), (4, 4), (4, 2)]
    assert not caplog.text


def refuses(query, key, *rest):
    if query.shape[1] != key.shape[1]:
        raise RuntimeError("Number of heads in key/value must equal number of heads in query")
    return varlen_kernels.attend(query, key, *rest)


def mixes_up(query, key, value, *rest):
    """Repeats heads in turn (0 1 0 1) instead of in groups (0 0 1 1)."""
    times = query.shape[1] // key.shape[1]
    return varlen_kernels.attend(query, key.repeat(1, times, 1), value.repeat(1, times, 1), *rest)


@pytest.mark.parametrize("kernel", [refuses, mixes_up])
def test_where_the_kernel_does_not_take_fewer_kv_heads_they_are_copied(undocumented, caplog, kernel):
    with stand_ins(kernel):
        assert not varlen.takes_fewer_kv_heads(CPU)
    assert "so they are copied" in caplog.text
    assert caplog.text.count("copied") == 1


def test_a_kernel_with_documented_support_needs_no_trial(monkeypatch):
    monkeypatch.setattr(varlen, "_PARAMETERS", frozenset(("scale", "window_size", "enable_gqa")))
    assert varlen.takes_fewer_kv_heads(CPU)  # without kernels on this device


@pytest.fixture
def own_kernel_again():
    yield
    if current_flash_attention_impl() is not None:
        restore_flash_attention_impl()


def test_flash_attention_3_is_used_where_it_is_installed_and_agrees(monkeypatch, caplog, own_kernel_again):
    caplog.set_level("INFO")
    with package(monkeypatch, "fwd", "bwd"), stand_ins():
        assert varlen.use_flash_attention_3(CPU)
        assert current_flash_attention_impl() == "FA3" and "runs FlashAttention 3" in caplog.text
        assert varlen.use_flash_attention_3(CPU), "a second run in this process"


def test_torchs_kernel_stays_where_flash_attention_3_differs(monkeypatch, caplog, own_kernel_again):
    def differs(query, key, *rest):
        return varlen_kernels.attend(-query if current_flash_attention_impl() else query, key, *rest)

    with package(monkeypatch, "fwd", "bwd"), stand_ins(differs):
        assert not varlen.use_flash_attention_3(CPU)
    assert current_flash_attention_impl() is None and "its results differ" in caplog.text


def test_torchs_kernel_stays_where_flash_attention_3_raises_or_cannot_be_imported(monkeypatch, caplog, own_kernel_again):
    def raises(query, *rest):
        if current_flash_attention_impl():
            raise RuntimeError("no kernel image is available")
        return varlen_kernels.attend(query, *rest)

    with package(monkeypatch, "fwd", "bwd"), stand_ins(raises):
        assert not varlen.use_flash_attention_3(CPU)
    assert current_flash_attention_impl() is None and "no kernel image" in caplog.text
    with package(monkeypatch, "fwd", "bwd"), stand_ins():
        monkeypatch.setitem(sys.modules, "flash_attn_interface", None)
        assert not varlen.use_flash_attention_3(CPU)
    assert current_flash_attention_impl() is None and "import of flash_attn_interface halted" in caplog.text


def test_flash_attention_3_is_not_tried_without_its_package_or_a_hopper_gpu(monkeypatch, caplog):
    assert not varlen.use_flash_attention_3(CPU)
    with package(monkeypatch, "fwd", "bwd"):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
        assert not varlen.use_flash_attention_3(CPU)
    assert not caplog.text
