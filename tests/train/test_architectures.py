"""Every architecture: documents packed into rows give what transformers gives for each of them alone, with its own eager attention and head."""

import copy

import pytest
import torch
import torch.nn.functional as F
import transformers
from transformers import AutoModelForCausalLM

from tests.train.parts import CONFIGS, N_VOCAB, pack, random_rows
from train import attention
from train.batch import make_batch
from train.errors import TrainError
from train.model import prepare
from train.selfcheck import check_model

WIDTH = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
COMMON = WIDTH | {"vocab_size": N_VOCAB, "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 1}
GPT = {"vocab_size": N_VOCAB, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0}
WINDOWED = {"sliding_window": 7, "layer_types": ["sliding_attention", "full_attention"]}
EXPERTS = {"num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}

MORE = {
    "qwen2 with windows": ("Qwen2Config", COMMON | {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1}),
    "qwen3": ("Qwen3Config", COMMON | {"head_dim": 16}),
    "qwen3_moe": ("Qwen3MoeConfig", COMMON | EXPERTS | {"head_dim": 16}),
    "gemma": ("GemmaConfig", COMMON | {"head_dim": 16}),
    "gemma2": ("Gemma2Config", COMMON | WINDOWED | {"head_dim": 16, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0}),
    "gemma3": ("Gemma3TextConfig", COMMON | WINDOWED | {"head_dim": 16}),
    "phi": ("PhiConfig", COMMON),
    "phi3": ("Phi3Config", COMMON | {"sliding_window": 7}),
    "olmo2": ("Olmo2Config", COMMON),
    "olmo3": ("Olmo3Config", COMMON | WINDOWED),
    "cohere": ("CohereConfig", COMMON | {"logit_scale": 0.25}),
    "cohere2": ("Cohere2Config", COMMON | WINDOWED | {"logit_scale": 0.25}),
    "granite": ("GraniteConfig", COMMON | {"logits_scaling": 4.0, "embedding_multiplier": 3.0, "residual_multiplier": 0.5, "attention_multiplier": 0.3}),
    "smollm3": ("SmolLM3Config", COMMON),
    "gpt_oss": ("GptOssConfig", COMMON | WINDOWED | EXPERTS | {"head_dim": 16}),
    "gptj": ("GPTJConfig", GPT | {"rotary_dim": 4}),
    "gpt_bigcode": ("GPTBigCodeConfig", GPT),
    "seed_oss": ("SeedOssConfig", COMMON | {"attention_dropout": 0.1, "residual_dropout": 0.1}),
    "opt": (
        "OPTConfig",
        {k: v for k, v in COMMON.items() if k not in ("intermediate_size", "num_key_value_heads")} | {"ffn_dim": 48, "word_embed_proj_dim": 32},
    ),
}
HYBRID = COMMON | {"layer_types": ["linear_attention", "full_attention"], "head_dim": 16, "linear_num_value_heads": 4, "linear_num_key_heads": 2}
HYBRID |= EXPERTS | {"linear_key_head_dim": 8, "linear_value_head_dim": 8, "shared_expert_intermediate_size": 24}
REFUSED = {
    "mamba": (
        "MambaConfig",
        {"vocab_size": N_VOCAB, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
        r"other means than softmax attention \((MambaMixer|linear_attention)\)",
    ),
    "bloom": (
        "BloomConfig",
        {"vocab_size": N_VOCAB, "hidden_size": 32, "n_layer": 2, "n_head": 4},
        r"its attention \(BloomAttention\) does not go through transformers' attention functions",
    ),
    "llama4": ("Llama4TextConfig", COMMON | {"num_local_experts": 2}, r"a kind of attention that document attention does not compute \(chunked_attention\)"),
    "qwen3_next": ("Qwen3NextConfig", HYBRID, r"other means than softmax attention \(.*linear_attention\)"),
    "recurrent_gemma": (
        "RecurrentGemmaConfig",
        COMMON | {"lru_width": 32, "attention_window_size": 8},
        r"other means than softmax attention \((.*linear_attention|RecurrentGemma)",
    ),
    "rwkv": ("RwkvConfig", {"vocab_size": N_VOCAB, "hidden_size": 32, "num_hidden_layers": 2}, r"its attention \(RwkvSelfAttention\) does not go through"),
    "bert": ("BertConfig", COMMON, "it is not a causal language model"),
    "bart": ("BartConfig", {"vocab_size": N_VOCAB, "d_model": 32, "decoder_layers": 2, "decoder_ffn_dim": 48, "decoder_attention_heads": 4}, "no position_ids"),
    "stablelm": ("StableLmConfig", COMMON, "do not hand the boundaries of documents on to their attention"),
    "phimoe": ("PhimoeConfig", COMMON | EXPERTS, "in training mode it gives other results for the same batch each time"),
}


def network_of(name):
    config = copy.deepcopy(CONFIGS[name]) if name in CONFIGS else getattr(transformers, MORE[name][0])(**copy.deepcopy(MORE[name][1]))
    return random_network(config)


def random_network(config):
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3) if parameter.ndim >= 2 else parameter.add_(torch.randn_like(parameter) * 0.1)
    return network


def ours(network):
    attention.register()
    network.set_attn_implementation(attention.NAME)
    return prepare(network)


def alone(network, rows):
    """Nats of each target, document by document, and the gradients of their sum."""
    found = []
    for ids in [ids for row in rows for _, ids in row if len(ids) > 1]:
        tokens = torch.tensor([ids])
        nats = F.cross_entropy(network(tokens, use_cache=False).logits[0, :-1], tokens[0, 1:], reduction="none")
        nats.sum().backward()
        found.append(nats.detach())
    gradients = {name: parameter.grad for name, parameter in network.named_parameters() if parameter.grad is not None}
    network.zero_grad()
    return torch.cat(found), gradients


@pytest.mark.parametrize("name", [*CONFIGS, *MORE])
def test_packed_documents_are_trained_on_as_if_each_were_alone(name):
    network, rows = network_of(name), random_rows(3, seed=1)
    expected, gradients = alone(network.eval(), rows)
    batch = make_batch(pack(rows), 2)
    loss = ours(network).loss(batch)
    loss.total.backward()
    torch.testing.assert_close(loss.nats[batch.targets.flatten() >= 0], expected, rtol=1e-5, atol=1e-5)
    assert loss.total.item() == pytest.approx(expected.sum().item(), rel=1e-5)
    least = 0.1 * max(float(gradient.abs().max()) for gradient in gradients.values())  # some are 0 but for rounding, such as those of key biases
    for parameter_name, gradient in gradients.items():
        parameter = network.get_parameter(parameter_name)
        assert float((parameter.grad - gradient).norm() / gradient.norm().clamp_min(least)) < 1e-5, parameter_name


@pytest.mark.parametrize("name", MORE)
def test_it_passes_the_self_check(name):
    check_model(ours(network_of(name)))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_exact_is_refused_in_one_line(name):
    kind, settings, message = REFUSED[name]
    with pytest.raises(TrainError, match=message) as caught:
        check_model(ours(random_network(getattr(transformers, kind)(**settings))))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "gpt_oss"])
def test_a_change_in_one_document_moves_nothing_else_and_no_padding_is_nan(name):
    model, rows = ours(network_of(name)), random_rows(2, seed=3)
    batch = make_batch(pack(rows), 2)
    before = model.hidden_states(batch).view(*batch.input_ids.shape, -1)
    assert before.isfinite().all()
    start = 0
    for length in [len(ids) for _, ids in rows[1]]:
        changed = batch.input_ids.clone()
        changed[1, start : start + length] = (changed[1, start : start + length] + 1) % N_VOCAB
        moved = (model.hidden_states(batch_with(batch, changed)).view_as(before) - before).abs().amax(-1) > 1e-5
        assert moved[1, start : start + length].all()
        moved[1, start : start + length] = False
        assert not moved.any()
        start += length


def batch_with(batch, input_ids):
    return type(batch)(**vars(batch) | {"input_ids": input_ids})


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral", "gemma2"])
def test_with_masks_off_a_row_is_one_causal_sequence(name):
    network, rows = network_of(name), random_rows(2, seed=1)
    batch = make_batch(pack(rows), 2, document_mask=False)
    with torch.no_grad():
        expected = F.cross_entropy(network.eval()(batch.input_ids, use_cache=False).logits.flatten(0, 1), batch.targets.flatten(), reduction="none")
        torch.testing.assert_close(ours(network).nats(batch), expected, rtol=1e-5, atol=1e-5)


def test_transformers_own_masks_leak_with_a_cache_or_a_mask_of_ones_and_ours_never_do():
    """What this attention exists for: positions that begin anew are not enough where a cache is on (its default) or a mask is given."""
    network, batch = network_of("llama").eval(), make_batch(pack(random_rows(1)), 2)
    first = int(batch.cu_seqlens[1])
    other = batch.input_ids.clone()
    other[0, :first] = (other[0, :first] + 1) % N_VOCAB

    def leak(**options):
        with torch.no_grad():
            logits = [network(input_ids=ids, position_ids=batch.position_ids, **options).logits[0, first:] for ids in (batch.input_ids, other)]
        return float((logits[0] - logits[1]).abs().max())

    network.set_attn_implementation("sdpa")
    assert leak() > 0.1
    assert leak(use_cache=False, attention_mask=torch.ones_like(batch.input_ids)) > 0.1
    assert leak(use_cache=False) < 1e-5
    model = ours(network)
    with torch.no_grad():
        hidden = [model.hidden_states(batch_with(batch, ids))[first:] for ids in (batch.input_ids, other)]
    assert hidden[0].equal(hidden[1])
