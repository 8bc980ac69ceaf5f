import copy
import json
import logging

import pytest
import torch
import transformers
from transformers import AutoConfig

from tests.train.older_transformers import COMMON, LLAMA3, MODELS, WINDOWED, YARN
from tests.train.parts import CONFIGS
from tests.train.test_architectures import MORE, network_of
from train.adapt.expand import expand_blocks
from train.save.config_json import config_json, legacy_rope

BF16 = torch.bfloat16


def network(own):
    """A network without memory from the content of a config.json."""
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(AutoConfig.for_model(**copy.deepcopy(own)))


def as_4(name):
    """Content of config.json as transformers 4 writes it."""
    kind, settings = MODELS[name]
    model_type = getattr(transformers, f"{kind}Config").model_type
    return settings | {"model_type": model_type, "torch_dtype": "float32", "transformers_version": "4.57.6", "architectures": [f"{kind}ForCausalLM"]}


@pytest.mark.parametrize("name", MODELS)
def test_every_key_of_the_base_keeps_its_value(name):
    own = as_4(name)
    saved = config_json(network(own), BF16, own)
    assert {key: saved[key] for key in own} | {"torch_dtype": "bfloat16"} == own | {
        "torch_dtype": "bfloat16", "transformers_version": transformers.__version__, "architectures": saved["architectures"],
    }  # fmt: skip
    assert saved["dtype"] == "bfloat16" and "rope_parameters" in saved


@pytest.mark.parametrize("name", MODELS)
def test_a_base_of_transformers_5_gets_the_names_that_transformers_4_reads(name):
    own = as_4(name)
    modern = json.loads(network(own).config.to_json_string())
    saved = config_json(network(modern), BF16, modern)
    names = {key for key in own if "rope" in key or "rotary" in key or key in ("num_experts", "num_local_experts", "n_routed_experts")} - {"no_rope_layers"}
    assert {key: saved[key] for key in names} == {key: own[key] for key in names}


@pytest.mark.parametrize("name", [*CONFIGS, *MORE])
def test_transformers_reads_both_forms_as_the_same_model(name, caplog):
    made = network_of(name)
    with caplog.at_level(logging.WARNING):
        saved = config_json(made, torch.float32, {})
    assert "differently" not in caplog.text
    assert saved["torch_dtype"] == saved["dtype"] == "float32"
    if getattr(made.config, "rope_parameters", None):
        assert {"rope_theta", "rotary_emb_base"} & saved.keys()


def test_what_training_changed_is_changed_under_all_its_names():
    own = as_4("gemma3")
    made = network(own)
    expand_blocks(made, 1)
    saved = config_json(made, BF16, own)
    assert saved["num_hidden_layers"] == len(saved["layer_types"]) == 3

    own = as_4("qwen3_moe")
    made = network(own)
    made.config.num_local_experts = 8
    assert config_json(made, BF16, own)["num_experts"] == 8


def test_new_rotary_settings_replace_the_bases_old_ones():
    own = as_4("llama")
    made = network(own)
    made.config.rope_parameters = {"rope_type": "yarn", "rope_theta": 5000.0, "factor": 4.0, "original_max_position_embeddings": 64}
    made.config.max_position_embeddings = 256
    saved = config_json(made, BF16, own)
    assert saved["rope_theta"] == 5000.0 and saved["max_position_embeddings"] == 256
    assert saved["rope_scaling"] == {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
    made.config.rope_parameters = {"rope_type": "default", "rope_theta": 5000.0}
    assert "rope_scaling" not in config_json(made, BF16, own)


def test_rotary_settings_of_kinds_of_layers_have_names_of_their_own():
    config = AutoConfig.for_model("gemma3_text", **COMMON | WINDOWED | {"rope_local_base_freq": 45.0, "rope_scaling": YARN})
    assert legacy_rope(config) == {"rope_theta": 123.0, "rope_local_base_freq": 45.0, "rope_scaling": YARN}
    assert legacy_rope(AutoConfig.for_model("llama", **COMMON)) == {"rope_theta": 123.0}
    assert legacy_rope(AutoConfig.for_model("gpt2")) == {}


def test_names_that_transformers_would_read_otherwise_are_left_out_with_a_warning(monkeypatch, caplog):
    own = as_4("llama")
    modern = json.loads(network(own).config.to_json_string())
    monkeypatch.setattr("train.save.config_json.legacy_rope", lambda config: {"rope_theta": 7.0, "rope_scaling": LLAMA3})
    with caplog.at_level(logging.WARNING):
        saved = config_json(network(modern), BF16, modern)
    assert "transformers reads rope_parameters differently" in caplog.text
    assert "rope_scaling" not in saved and saved["rope_parameters"]["rope_theta"] == 123.0 and saved["torch_dtype"] == "bfloat16"


def test_a_pattern_of_windows_gets_its_old_name_where_the_layers_follow_it():
    modern = json.loads(network(as_4("gemma3") | {"sliding_window_pattern": 2}).config.to_json_string())
    modern.pop("sliding_window_pattern", None)
    assert config_json(network(modern), BF16, modern)["sliding_window_pattern"] == 2
    modern["layer_types"] = ["full_attention", "full_attention"]
    assert "sliding_window_pattern" not in config_json(network(modern), BF16, modern)


def test_files_of_code_that_are_not_copied_are_not_named():
    own = as_4("phi3") | {"auto_map": {"AutoConfig": "configuration_phi3.Phi3Config"}}
    assert "auto_map" not in config_json(network(own), BF16, own)


def test_settings_that_only_the_base_knows_are_kept():
    own = as_4("mistral") | {"quirk": {"a": [1]}, "temperature": 0.6, "max_length": 20}
    saved = config_json(network(own), BF16, own)
    assert (saved["quirk"], saved["temperature"], saved["max_length"]) == ({"a": [1]}, 0.6, 20)
