import json

import pytest
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from train.errors import TrainError
from train.initialize import initialize

CONFIG = {"model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "rope_theta": 5000.0}


def write(tmp_path, **changes):
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(CONFIG | changes))
    return path


def test_a_model_takes_vocabulary_and_special_ids_from_the_tokenizer(tmp_path, base):
    n_parameters = initialize(write(tmp_path), base, tmp_path / "new")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "new")
    assert model.num_parameters() == n_parameters
    assert (model.config.vocab_size, model.config.eos_token_id, model.config.pad_token_id) == (96, 0, 1)
    assert model.config.rope_parameters["rope_theta"] == 5000.0
    assert AutoTokenizer.from_pretrained(tmp_path / "new").decode([5, 6]) == "w5 w6"


def test_the_seed_decides_the_weights(tmp_path, base):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        initialize(write(tmp_path), base, tmp_path / name, seed=seed)
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_json_is_read_too(tmp_path, base):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG | {"tie_word_embeddings": True, "vocab_size": 128}))
    initialize(path, base, tmp_path / "new")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "new")
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.config.vocab_size == 128


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "lama"}, "model_type lama: transformers has no causal language model"),
        ({"hidden_sise": 3}, "unknown keys for llama: hidden_sise"),
        ({"vocab_size": 10}, "vocab_size 10, but .* has 96 tokens"),
        ({"num_attention_heads": 3}, "transformers refuses it"),
    ],
)
def test_a_bad_configuration_is_refused_with_its_key(tmp_path, base, change, message):
    with pytest.raises(TrainError, match=message):
        initialize(write(tmp_path, **change), base, tmp_path / "new")
    assert not (tmp_path / "new").exists()


BERT = {"model_type": "bert", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}


@pytest.mark.parametrize("config", [BERT, {"model_type": "mamba", "hidden_size": 32, "num_hidden_layers": 2}], ids=lambda config: config["model_type"])
def test_a_model_that_train_would_refuse_is_not_made(tmp_path, base, config):
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(TrainError, match=r"model.yaml: `train` would refuse this model: self-check: .*"):
        initialize(path, base, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_in_use_and_a_missing_tokenizer_are_refused(tmp_path, base):
    with pytest.raises(TrainError, match="not empty"):
        initialize(write(tmp_path), base, tmp_path)
    with pytest.raises(TrainError, match=r"no tokenizer.json"):
        initialize(write(tmp_path), tmp_path, tmp_path / "new")
