import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.train.adapt.models import network
from train.adapt.expand import expand_blocks
from train.adapt.parts import select
from train.errors import TrainError


def blocks(names):
    return sorted({int(name.split(".")[2]) for name in names})


def test_groups_mean_what_their_names_say():
    tied, untied = network("llama"), network("qwen2")
    assert select(tied, ["embeddings"]) == select(tied, ["head"]) == {"model.embed_tokens.weight"}
    assert select(untied, ["embeddings", "head"]) == {"model.embed_tokens.weight", "lm_head.weight"}
    assert select(untied, ["biases"]) == {f"model.layers.{n}.self_attn.{p}_proj.bias" for n in range(4) for p in "qkv"}
    norms = {f"model.layers.{n}.{kind}_layernorm.weight" for n in range(4) for kind in ("input", "post_attention")}
    assert select(tied, ["norms"]) == norms | {"model.norm.weight"}
    assert select(tied, ["all"]) == {name for name, _ in tied.named_parameters()}
    assert select(tied, ["*.mlp.up_proj.*"]) == {f"model.layers.{n}.mlp.up_proj.weight" for n in range(4)}


@pytest.mark.parametrize("name", ["gpt2", "gpt_neox", "gemma2"])
def test_norms_of_every_architecture_are_all_vectors_of_norms(name):
    found = select(network(name), ["norms"])
    assert {key for key in found} == {key for key, _ in network(name).named_parameters() if "norm" in key or ".ln_" in key}


@pytest.mark.parametrize(
    ("word", "expected"),
    [("layers", [0, 1, 2, 3]), ("layers[1]", [1]), ("layers[-1]", [3]), ("layers[:2]", [0, 1]), ("layers[-2:]", [2, 3]), ("layers[1:3]", [1, 2])],
)
def test_layers_are_counted_as_python_slices_are(word, expected):
    assert blocks(select(network("llama"), [word])) == expected


def test_new_blocks_are_those_that_expansion_added():
    model = network("llama")
    assert blocks(select(model, ["new_blocks"], expand_blocks(model, 2))) == [2, 5]


def test_a_meta_model_gives_the_same_names():
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(network("llama").config)
    assert select(model, ["layers[2:]", "embeddings"]) == select(network("llama"), ["layers[2:]", "embeddings"])


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("embedings", r"embedings: the model has no such parameters; groups are all, embeddings"),
        ("layers[9]", r"layers\[9\]: the model has layers 0 to 3"),
        ("layers[4:]", r"layers\[4:\]: selects no layer"),
        ("adapters", r"adapters: the model has no such parameters; add adapt.lora"),
        ("new_blocks", r"new_blocks: the model has no such parameters; add adapt.expand"),
    ],
)
def test_a_word_that_means_nothing_is_refused(word, message):
    with pytest.raises(TrainError, match=message):
        select(network("llama"), [word])
