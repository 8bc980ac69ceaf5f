"""Compares saved models with what transformers 4 reads: `python -m tests.train.older_transformers` makes its environment once, and prints a table.

With a folder as its argument this file is the program that runs in that environment. It imports nothing of ours.
"""

import json
import math
import sys
from pathlib import Path

import torch

PINS = ("transformers==4.57.6", "huggingface_hub<1.0")

WIDTH = {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
COMMON = WIDTH | {"max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1, "rope_theta": 123.0}
WINDOWED = {"sliding_window": 7, "layer_types": ["sliding_attention", "full_attention"]}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "attention_factor": 1.1, "beta_fast": 32.0, "beta_slow": 1.0}
LONGROPE = {"type": "longrope", "short_factor": [1.0, 1.1, 1.2], "long_factor": [2.0, 3.0, 4.0]}
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 24}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16, "num_key_value_heads": 4}

MODELS = {
    "llama": ("Llama", COMMON | {"rope_scaling": LLAMA3, "tie_word_embeddings": True}),
    "mistral": ("Mistral", COMMON | {"sliding_window": 7}),
    "qwen2": ("Qwen2", COMMON),
    "qwen3": ("Qwen3", COMMON | {"head_dim": 16, "rope_scaling": YARN}),
    "qwen3_moe": ("Qwen3Moe", COMMON | EXPERTS | {"num_experts": 4, "head_dim": 16}),
    "mixtral": ("Mixtral", COMMON | {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "deepseek_v3": ("DeepseekV3", COMMON | EXPERTS | LATENT | {"n_routed_experts": 4, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1}),
    "gpt_oss": ("GptOss", COMMON | EXPERTS | WINDOWED | {"num_local_experts": 4, "head_dim": 16, "rope_scaling": YARN | {"truncate": False}}),
    "gemma2": ("Gemma2", COMMON | {"head_dim": 16, "sliding_window": 7, "query_pre_attn_scalar": 16}),
    "gemma3": ("Gemma3Text", COMMON | WINDOWED | {"head_dim": 16, "rope_local_base_freq": 45.0, "rope_scaling": {"rope_type": "linear", "factor": 2.0}}),
    "olmo2": ("Olmo2", COMMON),
    "olmo3": ("Olmo3", COMMON | WINDOWED | {"rope_theta": 500_000.0, "rope_scaling": YARN}),
    "phi3": ("Phi3", COMMON | {"partial_rotary_factor": 0.75, "rope_scaling": LONGROPE, "original_max_position_embeddings": 32}),
    "gpt_neox": ("GPTNeoX", {k: v for k, v in COMMON.items() if k not in ("rope_theta", "num_key_value_heads")} | {"rotary_emb_base": 123, "rotary_pct": 0.5}),
    "granite": ("Granite", COMMON | {"logits_scaling": 4.0}),
    "smollm3": ("SmolLM3", COMMON | {"no_rope_layers": [1, 0]}),
}
"""Class and settings, as transformers 4 spells them. No rotary base is its class's default."""

IDS = torch.randint(2, 96, (2, 48), generator=torch.Generator().manual_seed(0))


def make_bases(folder: Path) -> None:
    """Write a model of each of MODELS with random weights, as this version of transformers does."""
    import transformers

    for name, (kind, settings) in MODELS.items():
        torch.manual_seed(0)
        config = getattr(transformers, f"{kind}Config")(**json.loads(json.dumps(settings)))
        network = transformers.AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.normal_(0, 0.3) if parameter.ndim >= 2 else parameter.add_(torch.randn_like(parameter) * 0.1)
        network.save_pretrained(folder / name)


def write_logits(folder: Path) -> None:
    """Load each model in `folder` and write logits.pt beside its weights, or why it does not load."""
    from transformers import AutoModelForCausalLM

    for name in MODELS:
        try:
            network, loading = AutoModelForCausalLM.from_pretrained(
                folder / name, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
            )  # its sdpa leaves out Gemma 2's caps on scores
            strange = [*loading["missing_keys"], *loading["unexpected_keys"], *loading["mismatched_keys"]]
            with torch.no_grad():
                logits = network.eval()(IDS, use_cache=False).logits
            torch.save((logits, ", ".join(map(str, strange[:3]))), folder / name / "logits.pt")
        except Exception as error:
            torch.save((torch.tensor(math.nan), f"{type(error).__name__}: {error}"), folder / name / "logits.pt")


def main() -> None:
    """In the environment of transformers 4: `bases FOLDER` or `logits FOLDER`. In ours: make that environment, compare, print a table."""
    if len(sys.argv) == 3:
        {"bases": make_bases, "logits": write_logits}[sys.argv[1]](Path(sys.argv[2]))
        return
    import tempfile

    from tests.train.test_older_transformers import compare, python_of_transformers_4

    with tempfile.TemporaryDirectory() as folder:
        for name, origin, difference, problem in compare(python_of_transformers_4(), Path(folder)):
            print(f"{name:12} base written by transformers {origin}: largest difference of logits {difference:.1e}  {problem}")


if __name__ == "__main__":
    main()
