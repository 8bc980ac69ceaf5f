"""Tiny models whose rotary frequencies depend on the length of a document."""

import copy

import torch
import transformers

from tests.train.test_architectures import COMMON, WINDOWED, random_network

LIMIT = 12
"""Longest document, in tokens, that has the frequencies of short ones."""

_FACTORS = {"short_factor": [1.0, 1.5, 2.0, 2.5], "long_factor": [2.0, 4.0, 9.0, 30.0]}
_LONGROPE = {"rope_type": "longrope", "rope_theta": 100.0, **_FACTORS}
_DYNAMIC = {"rope_type": "dynamic", "rope_theta": 100.0, "factor": 4.0}

CONFIGS = {
    "longrope": ("Phi3Config", COMMON | {"original_max_position_embeddings": LIMIT, "rope_parameters": _LONGROPE}),
    "longrope on half of each head": (
        "Phi3Config",
        COMMON
        | {"head_dim": 16, "hidden_size": 64, "original_max_position_embeddings": LIMIT}
        | {"rope_parameters": _LONGROPE | {"partial_rotary_factor": 0.5}},
    ),
    "dynamic": ("LlamaConfig", COMMON | {"max_position_embeddings": LIMIT, "rope_parameters": _DYNAMIC}),
    "dynamic in some layers": (
        "Gemma3TextConfig",
        COMMON
        | WINDOWED
        | {"head_dim": 16, "max_position_embeddings": LIMIT}
        | {"rope_parameters": {"full_attention": _DYNAMIC, "sliding_attention": {"rope_type": "default", "rope_theta": 10.0}}},
    ),
    "dynamic in complex numbers": (
        "DeepseekV2Config",
        COMMON
        | {"max_position_embeddings": LIMIT, "rope_parameters": _DYNAMIC, "q_lora_rank": None, "kv_lora_rank": 16, "qk_rope_head_dim": 8}
        | {"qk_nope_head_dim": 8, "v_head_dim": 8, "head_dim": 8, "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
        | {"first_k_dense_replace": 1, "n_group": 1, "topk_group": 1, "num_key_value_heads": 4},
    ),
}


def long_network(name: str, **changes) -> torch.nn.Module:
    """A network with random weights and eager attention; `changes` replace settings of its configuration."""
    class_name, options = CONFIGS[name]
    return random_network(getattr(transformers, class_name)(**copy.deepcopy(options | changes)))
