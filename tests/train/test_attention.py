import copy
from functools import partial

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, DeepseekV3Config

from tests.train.parts import CONFIGS, tiny_network
from tests.train.test_architectures import COMMON, random_network
from train.attention import choose_backend, document_attention, head_sizes, inputs, windows
from train.errors import TrainError

SCALE = 0.4
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SCORES = {"plain": {}, "softcap": {"softcap": 1.5}, "sinks": {"s_aux": torch.tensor([0.5, -1.0, 2.0, 0.0])}}


def slow(query, key, value, boundaries, window=None, softcap=None, s_aux=None):
    """Softmax attention of each token over the tokens of its document that are not after it."""
    n_rows, n_heads, row_tokens, size = query.shape
    groups = n_heads // key.shape[1]
    out = torch.zeros(n_rows, row_tokens, n_heads, size)
    document = [max(i for i, start in enumerate(boundaries) if start <= place) for place in range(n_rows * row_tokens)]
    for place in range(n_rows * row_tokens):
        row, now = divmod(place, row_tokens)
        seen = [t for t in range(now + 1) if document[row * row_tokens + t] == document[place] and (window is None or now - t < window)]
        for head in range(n_heads):
            scores = torch.stack([query[row, head, now] @ key[row, head // groups, t] for t in seen]) * SCALE
            scores = scores if softcap is None else softcap * torch.tanh(scores / softcap)
            scores = scores if s_aux is None else torch.cat([scores, s_aux[head, None]])
            out[row, now, head] = scores.softmax(0)[: len(seen)] @ value[row, head // groups, seen]
    return out


def tensors(n_kv_heads, gradients=False):
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(2, heads, 9, 8, generator=generator, requires_grad=gradients) for heads in (4, n_kv_heads, n_kv_heads)]


@pytest.mark.parametrize("backend", ["sdpa", "flex"])
@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("n_kv_heads", [4, 2, 1])
@pytest.mark.parametrize("window", [None, 1, 3, 100])
def test_each_document_attends_to_its_own_past_only(n_kv_heads, window, scores, backend):
    boundaries = [0, 4, 5, 9, 18]
    padded = torch.tensor([*boundaries, 18, 18], dtype=torch.int32)
    query, key, value = tensors(n_kv_heads)
    given = {"scaling": SCALE, "sliding_window": window, "cu_seq_lens_q": padded, "attention_backend": backend}
    found, _ = document_attention(nn.Module(), query, key, value, None, **given, **SCORES[scores])
    torch.testing.assert_close(found, slow(query, key, value, boundaries, window, **SCORES[scores]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("scores", SCORES)
def test_gradients_are_those_of_the_definition(scores):
    inputs = tensors(2, gradients=True)
    found, _ = document_attention(nn.Module(), *inputs, None, scaling=SCALE, cu_seq_lens_q=torch.tensor([0, 4, 9, 18], dtype=torch.int32), **SCORES[scores])
    expected = slow(*inputs, [0, 4, 9, 18], **SCORES[scores])
    weights = torch.randn(expected.shape, generator=torch.Generator().manual_seed(1))
    for one, other in zip(torch.autograd.grad((found * weights).sum(), inputs), torch.autograd.grad((expected * weights).sum(), inputs), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_without_boundaries_each_row_is_one_document():
    query, key, value = tensors(4)
    found, _ = document_attention(nn.Module(), query, key, value, None, scaling=SCALE)
    torch.testing.assert_close(found, slow(query, key, value, [0, 9, 18]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("option", [{"position_bias": torch.zeros(4)}, {"dropout": 0.1}, {"attention_mask": torch.zeros(1)}])
def test_what_cannot_be_computed_exactly_is_refused(option):
    with pytest.raises(TrainError, match="does not compute"):
        document_attention(nn.Module(), *tensors(4), **{"attention_mask": None} | option)


def test_each_device_and_precision_has_its_backend():
    llama, gemma, sinks = tiny_network("llama"), tiny_network("llama"), tiny_network("llama")
    gemma.config.attn_logit_softcapping = 50.0
    sinks.model.layers[0].self_attn.sinks = nn.Parameter(torch.zeros(4))
    assert choose_backend("auto", llama, CPU, torch.float32) == "sdpa"
    assert choose_backend("auto", llama, CUDA, torch.bfloat16) == "varlen"
    assert choose_backend("auto", llama, CUDA, torch.float32) == "flex"
    assert choose_backend("auto", gemma, CUDA, torch.bfloat16) == "flex"
    assert choose_backend("auto", sinks, CUDA, torch.bfloat16) == "flex"
    assert choose_backend("sdpa", llama, CUDA, torch.bfloat16) == "sdpa"


def test_a_backend_that_cannot_run_is_refused_with_the_reason():
    gemma = tiny_network("llama")
    gemma.config.attn_logit_softcapping = 50.0
    for network, device, dtype, wanted, message in (
        (tiny_network("llama"), CPU, torch.bfloat16, "varlen", "this run is in bfloat16 on cpu; use auto"),
        (tiny_network("llama"), CUDA, torch.float32, "varlen", "this run is in float32 on cuda; use auto"),
        (gemma, CUDA, torch.bfloat16, "varlen", "this model has soft-capped scores; use auto"),
        (tiny_network("llama"), CPU, torch.float32, "flex", "no backward pass on a CPU"),
    ):
        with pytest.raises(TrainError, match=message):
            choose_backend(wanted, network, device, dtype)


def test_a_mask_is_built_for_each_window_of_the_layers():
    network = tiny_network("mistral")
    assert windows(network) == {None, 7}
    boundaries = torch.tensor([0, 48, 96], dtype=torch.int32)
    given = inputs(network, "flex", boundaries, 2, 48, longest=48)
    assert set(given["block_masks"]) == {None, 7}
    with torch.no_grad():
        attended = [
            document_attention(nn.Module(), *tensors48(), None, sliding_window=7, **given | {"attention_backend": backend})[0] for backend in ("flex", "sdpa")
        ]
    torch.testing.assert_close(*attended)


def tensors48():
    generator = torch.Generator().manual_seed(3)
    return [torch.randn(2, 4, 48, 8, generator=generator) for _ in range(3)]


def network_with_heads(head_dim):
    config = copy.deepcopy(CONFIGS["llama"])
    config.head_dim = head_dim
    return AutoModelForCausalLM.from_config(config)


def network_with_latent_attention(**sizes):
    return random_network(DeepseekV3Config(**LATENT | sizes))


LATENT = COMMON | {"num_key_value_heads": 4, "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16}
LATENT |= {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1}


@pytest.mark.parametrize(
    ("network", "sizes", "reason"),
    [
        (partial(network_with_heads, 20), {(20, 20)}, r"heads of 20 dimensions \(flash attention takes multiples of 8 up to 256\)"),
        (partial(network_with_heads, 264), {(264, 264)}, "heads of 264 dimensions"),
        (
            partial(network_with_latent_attention, v_head_dim=8),
            {(16, 8)},
            r"heads of 16 dimensions for keys and 8 for values \(flash attention takes one size\)",
        ),
        (partial(network_with_heads, 256), {(256, 256)}, None),
        (network_with_latent_attention, {(16, 16)}, None),
    ],
)
def test_heads_that_flash_attention_lacks_go_to_flex(network, sizes, reason):
    made = network()
    assert head_sizes(made) == sizes
    assert choose_backend("auto", made, CUDA, torch.bfloat16) == ("flex" if reason else "varlen")
    assert choose_backend("auto", made, CPU, torch.float32) == "sdpa"
    if reason:
        with pytest.raises(TrainError, match=f"attention: varlen: .* but this model has {reason}.*; use auto"):
            choose_backend("varlen", made, CUDA, torch.bfloat16)


@pytest.mark.parametrize("sizes", [(20, 20), (16, 8), (264, 264)])
def test_flex_and_the_reference_agree_on_heads_that_flash_attention_lacks(sizes):
    generator = torch.Generator().manual_seed(3)
    query, key, value = (torch.randn(1, heads, 40, size, generator=generator) for heads, size in ((4, sizes[0]), (2, sizes[0]), (2, sizes[1])))
    boundaries = torch.tensor([0, 13, 40], dtype=torch.int32)
    attended = [
        document_attention(nn.Module(), query, key, value, None, cu_seq_lens_q=boundaries, attention_backend=backend)[0] for backend in ("flex", "sdpa")
    ]
    torch.testing.assert_close(*attended, rtol=1e-4, atol=1e-5)
