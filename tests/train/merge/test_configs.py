import json
import re

import pytest
from transformers import Gemma3TextConfig, LlamaConfig, Qwen2Config

from train.errors import TrainError
from train.merge.configs import refuse_other_configs

ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
YARN = {"rope_type": "yarn", "rope_theta": 10_000.0, "factor": 4.0, "original_max_position_embeddings": 64}


def folders(tmp_path, first, second):
    for name, settings in (("first", first), ("second", second)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(settings))
    return {"models.0": tmp_path / "first", "models.1": tmp_path / "second"}


def llama(**settings):
    return LlamaConfig(hidden_size=32, num_attention_heads=4, num_key_value_heads=2, num_hidden_layers=2).to_dict() | settings


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [
        (llama(), llama(rope_parameters={**ROPE, "rope_theta": 5e5}), "rope_parameters.rope_theta is 10000.0 and 500000.0"),
        (llama(), llama(rope_parameters=YARN), "rope_parameters.factor is absent and 4.0"),
        (llama(rope_parameters=YARN), llama(rope_parameters={**YARN, "factor": 8.0}), "rope_parameters.factor is 4.0 and 8.0"),
        (llama(hidden_act="silu"), llama(hidden_act="gelu"), "hidden_act is silu and gelu"),
        (llama(), llama(rms_norm_eps=1e-5), "rms_norm_eps is 1e-06 and 1e-05"),
        (llama(), llama(num_attention_heads=8, num_key_value_heads=4, head_dim=4), "head_dim is 8 and 4"),
        (llama(), llama(tie_word_embeddings=True), "tie_word_embeddings is False and True"),
        (Gemma3TextConfig().to_dict(), Gemma3TextConfig(sliding_window=1024).to_dict(), "sliding_window is 4096 and 1024"),
        (Gemma3TextConfig().to_dict(), Gemma3TextConfig(final_logit_softcapping=30.0).to_dict(), "final_logit_softcapping is None and 30.0"),
        (Qwen2Config(use_sliding_window=True, sliding_window=32, max_window_layers=4).to_dict(), Qwen2Config().to_dict(), "layer_types is"),
        ({"model_type": "ours", "logit_scale": 2}, {"model_type": "ours", "logit_scale": 3}, "logit_scale is 2 and 3"),
    ],
)
def test_settings_that_change_logits_are_refused_by_key_and_values(tmp_path, first, second, named):
    with pytest.raises(TrainError, match=re.escape(named)):
        refuse_other_configs(folders(tmp_path, first, second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (llama(), llama(dtype="bfloat16", transformers_version="4.1", use_cache=False, _name_or_path="x", attention_dropout=0.1)),
        (llama(), llama(max_position_embeddings=131_072, eos_token_id=[1, 2], initializer_range=0.1, pretraining_tp=2)),
        (llama(), llama(a_key_that_llama_does_not_know=7)),
        ({key: value for key, value in llama().items() if key != "rope_parameters"} | {"rope_theta": 10_000}, llama()),
        (Qwen2Config().to_dict(), Qwen2Config(use_sliding_window=False, sliding_window=99, max_window_layers=4).to_dict()),
        ({"model_type": "ours", "use_cache": True}, {"model_type": "ours"}),
    ],
)
def test_settings_that_leave_logits_as_they_are_may_differ(tmp_path, first, second):
    refuse_other_configs(folders(tmp_path, first, second))


def test_the_longest_position_counts_where_rotary_frequencies_depend_on_it(tmp_path):
    with pytest.raises(TrainError, match="max_position_embeddings is 64 and 128"):
        refuse_other_configs(
            folders(tmp_path, llama(rope_parameters=YARN, max_position_embeddings=64), llama(rope_parameters=YARN, max_position_embeddings=128))
        )


def test_keys_that_the_recipe_lists_may_differ(tmp_path):
    refuse_other_configs(folders(tmp_path, llama(), llama(rope_parameters=YARN)), ["rope_parameters", "max_position_embeddings"])
