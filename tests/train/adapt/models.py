"""Tiny models of more architectures than the other tests need, with four layers each."""

import copy

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.train.parts import CONFIGS, N_VOCAB

_SIZE = {"vocab_size": N_VOCAB, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
_SIZE |= {"head_dim": 8, "pad_token_id": None, "bos_token_id": 0, "eos_token_id": 0}
_WINDOWED = {"layer_types": ["sliding_attention", "full_attention"] * 2, "sliding_window": 3}

MORE = {
    "qwen3": {"model_type": "qwen3"}, "qwen2_windowed": {"model_type": "qwen2", "use_sliding_window": True, **_WINDOWED},
    "gemma": {"model_type": "gemma"}, "gemma2": {"model_type": "gemma2", **_WINDOWED}, "gemma3": {"model_type": "gemma3_text", **_WINDOWED},
    "granite": {"model_type": "granite"}, "olmo2": {"model_type": "olmo2"}, "olmo3": {"model_type": "olmo3", **_WINDOWED},
    "phi3": {"model_type": "phi3"}, "smollm3": {"model_type": "smollm3", "no_rope_layers": [1, 0, 1, 1]}, "starcoder2": {"model_type": "starcoder2"},
}  # fmt: skip


def network(name, seed=0):
    """A model with four layers and random weights, biases and norms included."""
    if name in CONFIGS:
        config = copy.deepcopy(CONFIGS[name])
        if getattr(config, "layer_types", None):
            config.layer_types = config.layer_types[:1] * 4
        config.num_hidden_layers = 4
    else:
        config = AutoConfig.for_model(**_SIZE | MORE[name] | {"num_hidden_layers": 4})
    torch.manual_seed(seed)
    made = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return made.eval()
