"""Tiny models of more architectures than the other tests need, with four layers each."""

import copy

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tests.train.parts import CONFIGS, N_VOCAB
from train.adapt.adapt import adapt
from train.adapt.export import PlainWeights
from train.adapt.recipe import AdaptRecipe
from train.save.tensors import StoredWeights

_SIZE = {"vocab_size": N_VOCAB, "hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
_SIZE |= {"head_dim": 8, "pad_token_id": None, "bos_token_id": 0, "eos_token_id": 0}
_WINDOWED = {"layer_types": ["sliding_attention", "full_attention"] * 2, "sliding_window": 3}

_EXPERTS = {"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
_LATENT = {"num_key_value_heads": 4, "q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16}

MORE = {
    "qwen3_moe": {"model_type": "qwen3_moe", **_EXPERTS}, "mixtral": {"model_type": "mixtral", **_EXPERTS},
    "gpt_oss": {"model_type": "gpt_oss", **_EXPERTS, **_WINDOWED},
    "deepseek_v3": {"model_type": "deepseek_v3", **_EXPERTS, **_LATENT, "n_routed_experts": 4, "n_group": 2, "topk_group": 1, "first_k_dense_replace": 1},
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


LORA = {"rank": 4, "alpha": 6.0}


IDS = torch.randint(2, 90, (2, 17), generator=torch.Generator().manual_seed(0))
CPU = torch.device("cpu")


@torch.no_grad()
def logits(model):
    return model(IDS, use_cache=False).logits


class Adapted:
    """A model in a folder, adapted, and trained for a few steps on all that the recipe trains."""

    def __init__(self, folder, recipe, name="llama"):
        network(name).save_pretrained(folder)
        self.folder, self.base = folder, StoredWeights(folder)
        self.network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.original = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        torch.manual_seed(1)
        self.adaptation = adapt(self.network, AdaptRecipe.model_validate(recipe), torch.float32, CPU)
        self.before = {name: parameter.detach().clone() for name, parameter in self.network.named_parameters()}
        self.masters = {name: parameter for name, parameter in self.network.named_parameters() if parameter.requires_grad}
        self.at_start = logits(self.network)
        optimizer = torch.optim.AdamW(self.masters.values(), lr=0.02)
        for _ in range(4):
            self.network(IDS, labels=IDS, use_cache=False).loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    def exported(self):
        return dict(PlainWeights(self.network, self.adaptation, self.masters, self.folder))

    def saved(self, folder):
        plain = AutoModelForCausalLM.from_config(copy.deepcopy(self.network.config), dtype=torch.float32).eval()
        missing, unexpected = plain.load_state_dict(self.exported(), strict=False)
        assert not unexpected and set(missing) <= {"lm_head.weight"}
        assert {key for key, _ in self.adaptation.plain.named_parameters()} == {key for key, _ in plain.named_parameters()}
        return plain

    def unchanged(self):
        return {name for name, parameter in self.network.named_parameters() if parameter.equal(self.before[name])}
