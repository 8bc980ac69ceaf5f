"""What only a GPU can run, against the reference: `pytest tests/train/test_cuda.py` on a machine with one."""

import json
import logging

import pytest
import torch
from torch import nn

from tests.train.loss.examples import TRANSFORMS
from tests.train.parts import pack, random_rows
from tests.train.rope.test_full_precision import ByMatrixProduct
from tests.train.runs import curve, go, stop_at
from tests.train.test_architectures import network_of, ours
from train.attention import choose_backend, document_attention
from train.batch import make_batch
from train.compilation import compile_layers
from train.devices.determinism import deterministic_algorithms
from train.loss import cross_entropy, kernel
from train.loss.accumulate import adds_in_float32
from train.loss.head import Head
from train.recompute import checkpoint_activations
from train.rope.full_precision import compute_in_full_precision
from train.save.staging import CpuStager
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


@pytest.mark.parametrize("n_vocab", [50257, 128_256])
def test_gradients_of_the_head_are_near_those_of_float32(n_vocab):
    torch.manual_seed(0)
    assert adds_in_float32(CUDA, torch.bfloat16)
    hidden, weight = torch.randn(300, 256, device=CUDA), torch.randn(n_vocab, 256, device=CUDA) * 0.05
    targets = torch.randint(0, n_vocab, (300,), device=CUDA)
    inputs = [tensor.to(torch.bfloat16).requires_grad_() for tensor in (hidden, weight)]
    exact = [tensor.detach().float().requires_grad_() for tensor in inputs]
    expected = torch.autograd.grad(nn.functional.cross_entropy(exact[0] @ exact[1].T, targets, reduction="sum"), exact)
    found = torch.autograd.grad(cross_entropy.linear_cross_entropy(inputs[0], Head(inputs[1]), targets, chunk_tokens=64).total, inputs)
    for one, other in zip(found, expected, strict=True):
        assert (one.float() - other).norm() < 1e-2 * other.norm()


@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma2", "gemma3", "mistral", "gpt_oss"])
def test_models_pass_the_self_check_in_bfloat16(architecture):
    model = ours(network_of(architecture)).to(CUDA)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)
    model.backend = choose_backend("auto", model.network, CUDA, torch.bfloat16)
    check_model(model, 64)


def test_compiled_layers_with_selective_checkpointing_give_what_uncompiled_layers_give():
    torch._dynamo.reset()
    batch, results = make_batch(pack(random_rows(4)), 2).to(CUDA), []
    for compiled in (False, True):
        model = ours(network_of("llama")).to(CUDA, torch.bfloat16)
        model.backend = "varlen"
        checkpoint_activations(model.network, "selective")
        assert compile_layers(model, compiled) is compiled
        loss = model.loss(batch).total
        loss.backward()
        results.append((loss.item(), torch.cat([parameter.grad.float().flatten() for parameter in model.network.parameters()])))
    (loss, gradients), (compiled_loss, compiled_gradients) = results
    assert compiled_loss == pytest.approx(loss, rel=2e-2)
    assert torch.cosine_similarity(gradients, compiled_gradients, dim=0) > 0.98


@pytest.mark.parametrize("name", ["auto", "cuda", "cuda:0"])
def test_a_run_without_torchrun_starts_and_repeats_bit_for_bit(write_recipe, tmp_path, name):
    recipe = write_recipe(device=name, precision="bf16", compile=False, steps=6)
    for out in ("one", "two"):
        go(recipe, f"out={tmp_path / out}")
    assert curve(tmp_path / "one") == curve(tmp_path / "two")
    record = json.loads((tmp_path / "one" / "run.json").read_text())
    assert (record["device"], record["exact"]) == ("cuda", "bits")


def test_gradients_of_varlen_repeat_bit_for_bit_in_strict_mode():
    torch.manual_seed(0)
    tensors = [torch.randn(2, heads, 256, 64, device=CUDA, dtype=torch.bfloat16) for heads in (4, 2, 2)]
    with deterministic_algorithms(True):
        torch.use_deterministic_algorithms(True)
        first, *others = (attended(tensors, "varlen") for _ in range(5))
    assert all(one.equal(other) for repeat in others for one, other in zip(first, repeat, strict=True))


def test_a_run_resumes_from_a_checkpoint_that_was_copied_to_page_locked_memory(write_recipe, tmp_path, monkeypatch, caplog):
    recipe = write_recipe(precision="bf16", compile=False, steps=6, checkpoint={"every_steps": 2})
    go(recipe, f"out={tmp_path / 'straight'}")
    pinned = []
    stage = CpuStager.stage

    def watched(stager, state):
        copy = stage(stager, state)
        pinned.extend(tensor.is_pinned() for tensor in copy.values() if tensor.ndim)
        return copy

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(CpuStager, "stage", watched)
        stop_at(patch, 5)
        go(recipe)
    assert pinned and all(pinned) and "page-locked" not in caplog.text
    go(recipe)
    assert curve(tmp_path / "run") == curve(tmp_path / "straight")


@pytest.mark.parametrize("reduce", ["step", "micro_batch"])
def test_a_sharded_model_on_one_gpu_trains_like_a_whole_one(write_recipe, tmp_path, reduce):
    recipe = write_recipe(compile=False, attention="sdpa", tf32=False, steps=4, micro_batch_rows=2)
    go(recipe, f"out={tmp_path / 'whole'}")
    go(recipe, f"out={tmp_path / 'sharded'}", "sharding.always=true", f"sharding.reduce_gradients={reduce}")
    for one, other in zip(curve(tmp_path / "sharded"), curve(tmp_path / "whole"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)


def test_rotary_embeddings_keep_full_precision_under_tf32():
    module = ByMatrixProduct().to(CUDA)
    positions = torch.arange(4096, device=CUDA)[None]
    angles = positions[..., None].double() * module.inv_freq.double()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    compute_in_full_precision(module)
    error = max(float((one - exact).abs().max()) for one, exact in zip(module(positions), (angles.cos(), angles.sin()), strict=True))
    torch.set_float32_matmul_precision(before)
    assert error < 1e-3
