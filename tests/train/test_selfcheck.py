from contextlib import contextmanager

import pytest
import torch
from torch import nn
from transformers import AttentionInterface
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from tests.train.parts import CONFIGS, tiny_model
from tests.train.rope.models import CONFIGS as LONG_CONFIGS
from tests.train.rope.models import long_network
from tests.train.test_architectures import network_of, ours
from train import attention
from train import model as model_file
from train.errors import TrainError
from train.loss.head import LogitTransform
from train.model import CausalModel, prepare
from train.selfcheck import check_model, check_rotary_precision, long_tokens


@pytest.fixture
def plug():
    """plug(function) replaces document attention; the real one is put back afterwards."""
    yield lambda function: AttentionInterface.register(attention.NAME, function)
    attention.register()


@pytest.mark.parametrize("architecture", CONFIGS)
def test_a_sound_model_passes(architecture):
    check_model(tiny_model(architecture))


def test_it_passes_in_bfloat16():
    model = tiny_model()
    check_model(CausalModel(model.network.to(torch.bfloat16), model.transform))


def test_attention_across_documents_is_found(plug):
    model = tiny_model()

    def leaky(*arguments, cu_seq_lens_q=None, **options):
        return attention.document_attention(*arguments, **options)

    plug(leaky)
    with pytest.raises(TrainError, match="documents see each other"):
        check_model(model)


def test_attention_that_looks_ahead_inside_a_document_is_found(plug):
    model = tiny_model()

    def acausal(module, query, key, value, mask, **options):
        flipped, _ = attention.document_attention(module, query.flip(2), key.flip(2), value.flip(2), mask, **_reversed(options, query))
        return flipped.flip(1), None

    plug(acausal)
    with pytest.raises(TrainError, match="own forward pass"):
        check_model(model)


def _reversed(options, query):
    boundaries = options["cu_seq_lens_q"]
    return options | {"cu_seq_lens_q": (boundaries.max() - boundaries).flip(0).clamp_min(0).sort().values}


def test_a_head_that_is_not_understood_is_found():
    model = tiny_model()
    with pytest.raises(TrainError, match="attention or output head"):
        check_model(CausalModel(model.network, LogitTransform(scale=0.5)))


def test_a_broken_kernel_that_gives_nan_is_found(plug):
    model = tiny_model()
    plug(lambda module, query, key, value, mask, **options: (query.transpose(1, 2) * float("nan"), None))
    with pytest.raises(TrainError):
        check_model(model)


def test_the_model_is_left_as_it_was():
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    check_model(model)
    assert model.network.config._attn_implementation == attention.NAME
    assert model.network.training
    assert all(tensor.equal(before[name]) for name, tensor in model.network.state_dict().items())
    assert all(parameter.grad is None for parameter in nn.ModuleList([model.network]).parameters())


@pytest.mark.parametrize("name", ["llama", "mistral", "gpt2", "gemma2", "gemma3", "gpt_oss", "qwen3_moe", "cohere", "gptj"])
def test_a_sound_model_passes_with_a_long_document(name):
    check_model(ours(network_of(name)), 64)


@pytest.mark.parametrize("name", LONG_CONFIGS)
def test_a_model_whose_frequencies_depend_on_the_length_passes(name):
    check_model(ours(long_network(name)), 48)


def test_frequencies_chosen_for_the_whole_row_are_found_by_the_long_document(monkeypatch):
    monkeypatch.setattr(model_file, "separate_documents", lambda network: None)
    model = ours(long_network("longrope", original_max_position_embeddings=24))
    check_model(model)
    with pytest.raises(TrainError, match="with a document of 35 tokens in the row, the losses of 64 tokens"):
        check_model(model, 48)


def test_a_forgotten_sliding_window_is_found_by_the_long_document(plug):
    network = network_of("mistral")
    network.config.sliding_window = 30
    plug(lambda *arguments, sliding_window=None, **options: attention.document_attention(*arguments, **options))
    network.set_attn_implementation(attention.NAME)
    model = prepare(network)
    check_model(model)
    with pytest.raises(TrainError, match="attention windows"):
        check_model(model, 64)


def test_rotary_embeddings_of_reduced_precision_are_found(monkeypatch):
    """Float32 products in TF32 keep 10 bits of each factor; emulated here wherever the setting allows it, for a module that is not kept in full precision."""
    monkeypatch.setattr(model_file, "compute_in_full_precision", lambda network: None)
    model = tiny_model()
    embed = LlamaRotaryEmbedding.forward

    def embed_in_tf32(self, x, position_ids):
        if torch.get_float32_matmul_precision() == "highest":
            return embed(self, x, position_ids)
        exact, self.inv_freq = self.inv_freq, tf32(self.inv_freq)
        embedded = embed(self, x, position_ids)
        self.inv_freq = exact
        return embedded

    monkeypatch.setattr(LlamaRotaryEmbedding, "forward", embed_in_tf32)
    with float32_products_in("highest"):
        check_rotary_precision(model, 4096)
    with float32_products_in("high"), pytest.raises(TrainError, match=r"off by 0\.\d+ near position 4095 .* set tf32: false"):
        check_rotary_precision(model, 4096)


def tf32(tensor):
    return (tensor.view(torch.int32) & ~0x1FFF).view(torch.float32)


@contextmanager
def float32_products_in(precision):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    yield
    torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    ("row_tokens", "window", "expected"),
    [(2048, None, 2048), (16384, None, 4096), (16384, 1024, 4096), (16384, 4096, 4173), (4100, 4096, 4100), (16384, 16384, 4096)],
)
def test_the_long_document_reaches_past_windows_and_stays_within_the_row(row_tokens, window, expected):
    network = network_of("mistral")
    network.config.sliding_window = window
    assert long_tokens(ours(network), row_tokens) == expected


def test_where_only_eager_attention_is_exact_its_scores_bound_the_long_document():
    network = network_of("gemma2")
    network.config.num_attention_heads = 32
    assert long_tokens(ours(network), 8192) == 1831
