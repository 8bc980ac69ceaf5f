import pytest
import torch
from torch import nn
from transformers import AttentionInterface

from tests.train.parts import CONFIGS, tiny_model
from train import attention
from train.errors import TrainError
from train.loss.head import LogitTransform
from train.model import CausalModel
from train.selfcheck import check_model


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
