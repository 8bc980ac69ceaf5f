"""What only a GPU can run, against the reference: `pytest tests/train/test_cuda.py` on a machine with one."""

import pytest
import torch
from torch import nn

from tests.train.loss.examples import TRANSFORMS
from tests.train.test_architectures import network_of, ours
from train.attention import choose_backend, document_attention
from train.loss import cross_entropy, kernel
from train.selfcheck import check_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")

CUDA = torch.device("cuda")


def attended(tensors, backend, **options):
    """Output and gradients of attention over five documents in two rows, as float32."""
    inputs = [tensor.detach().requires_grad_() for tensor in tensors]
    boundaries = torch.tensor([0, 100, 101, 256, 300, 512, 512], dtype=torch.int32, device=CUDA)
    out, _ = document_attention(nn.Module(), *inputs, None, scaling=0.125, cu_seq_lens_q=boundaries, attention_backend=backend, **options)
    out.backward(torch.ones_like(out) * 0.5)
    return [tensor.float() for tensor in (out.detach(), *(one.grad for one in inputs))]


@pytest.mark.parametrize("n_kv_heads", [4, 2])
@pytest.mark.parametrize("window", [None, 7, 150])
@pytest.mark.parametrize("backend", ["varlen", "flex"])
def test_backends_give_what_the_reference_gives(backend, window, n_kv_heads):
    torch.manual_seed(0)
    tensors = [torch.randn(2, heads, 256, 64, device=CUDA, dtype=torch.bfloat16) for heads in (4, n_kv_heads, n_kv_heads)]
    expected = attended([tensor.float() for tensor in tensors], "sdpa", sliding_window=window)
    for one, other in zip(attended(tensors, backend, sliding_window=window), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("options", [{"softcap": 1.5}, {"s_aux": torch.tensor([0.5, -1.0, 2.0, 0.0])}])
def test_flex_caps_scores_and_has_sinks(options):
    torch.manual_seed(0)
    options = {name: value.to(CUDA) if isinstance(value, torch.Tensor) else value for name, value in options.items()}
    tensors = [torch.randn(2, heads, 256, 64, device=CUDA) for heads in (4, 2, 2)]
    for one, other in zip(attended(tensors, "flex", **options), attended(tensors, "sdpa", **options), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("n_vocab", [50257, 128_256])
def test_the_kernel_gives_what_plain_pytorch_gives(n_vocab, transform):
    torch.manual_seed(0)
    logits = torch.empty(16, -(-n_vocab // 64) * 64, device=CUDA, dtype=torch.bfloat16).normal_(0, 3)[:, :n_vocab]
    targets = torch.randint(0, n_vocab, (16,), device=CUDA)
    expected = cross_entropy.softmax_loss(logits.clone(), targets, transform, 1e-2, True)
    found = kernel.softmax_loss(logits, targets, transform, 1e-2, True)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma2", "gemma3", "mistral", "gpt_oss"])
def test_models_pass_the_self_check_in_bfloat16(architecture):
    model = ours(network_of(architecture)).to(CUDA)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)
    model.backend = choose_backend("auto", model.network, CUDA, torch.bfloat16)
    check_model(model)
