"""Tiny models, rows and mixes, made in the test."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import xxhash
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import AutoModelForCausalLM, GPT2Config, GPTNeoXConfig, LlamaConfig, MistralConfig, Qwen2Config

from mix.build import build
from mix.recipe import MixRecipe
from shards.schemas import tokens_schema
from shards.write import write_set
from train import attention
from train.batch import BatchRows
from train.model import CausalModel, prepare

N_VOCAB = 96
ROW_TOKENS = 48

CONFIGS = {
    "llama": LlamaConfig(
        vocab_size=N_VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, tie_word_embeddings=True,
    ),
    "qwen2": Qwen2Config(
        vocab_size=N_VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, tie_word_embeddings=False,
    ),
    "mistral": MistralConfig(
        vocab_size=N_VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, sliding_window=7,
    ),
    "gpt2": GPT2Config(vocab_size=N_VOCAB, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=0, eos_token_id=0),
    "gpt_neox": GPTNeoXConfig(
        vocab_size=N_VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64,
        bos_token_id=0, eos_token_id=0,
    ),
}  # fmt: skip


def tiny_network(architecture: str = "llama", seed: int = 0):
    """A transformers model with random weights, large enough that logits differ."""
    torch.manual_seed(seed)
    network = AutoModelForCausalLM.from_config(copy.deepcopy(CONFIGS[architecture]), dtype=torch.float32)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0, 0.3)
    return network


def tiny_model(architecture: str = "llama", seed: int = 0) -> CausalModel:
    """The same, ready for the loop."""
    attention.register()
    network = tiny_network(architecture, seed)
    network.set_attn_implementation(attention.NAME)
    return prepare(network)


def pack(rows: list[list[tuple[int, list[int]]]], row_tokens: int = ROW_TOKENS) -> BatchRows:
    """Rows from (source, token ids) segments; the rest of each row is padding of id 1."""
    input_ids = np.ones((len(rows), row_tokens), dtype=np.uint16)
    for number, row in enumerate(rows):
        ids = [token for _, segment in row for token in segment]
        input_ids[number, : len(ids)] = ids
    segments = [segment for row in rows for segment in row]
    return BatchRows(
        input_ids,
        np.cumsum([0] + [len(row) for row in rows]),
        np.array([len(ids) for _, ids in segments], dtype=np.int32),
        np.array([source for source, _ in segments], dtype=np.int16),
        np.array([sum(len(ids) for _, ids in row) for row in rows], dtype=np.int32),
    )


def random_rows(n_rows: int, seed: int = 0) -> list[list[tuple[int, list[int]]]]:
    """Rows of two sources with documents of 1 … 30 tokens and some padding."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n_rows):
        row, left = [], ROW_TOKENS - int(rng.integers(0, 9))
        while left:
            length = min(left, int(rng.integers(1, 31)))
            row.append((int(rng.integers(0, 2)), rng.integers(2, N_VOCAB, length).tolist()))
            left -= length
        rows.append(row)
    return rows


def write_tokenizer(folder: Path) -> Path:
    """A tokenizer of N_VOCAB words `w2` … with `<end>` = 0 and `<pad>` = 1."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {"<end>": 0, "<pad>": 1} | {f"w{number}": number for number in range(2, N_VOCAB)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<end>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<end>", "pad_token": "<pad>"}))
    return folder


def write_mix(folder: Path, tokenizer_sha256: str, n_tokens: int = 20_000, stages: list[dict[str, Any]] | None = None, seed: int = 0) -> Path:
    """A built mix of two sources, each with a pattern of its own that a model can learn; by default of one stage of `n_tokens` tokens."""
    schema = tokens_schema(2)
    for number, name in enumerate(("even", "odd")):
        rng = np.random.default_rng(number)
        documents = [(2 * ((np.arange(length) * 3 + rng.integers(0, 40)) % 40) + 2 + number) for length in rng.integers(3, 90, 300)]
        rows = [{"doc_id": xxhash.xxh3_128_digest(ids.tobytes()), "tokens": ids, "n_bytes": 4 * len(ids), "source": name} for ids in documents]
        info = {"tokenizer_sha256": tokenizer_sha256, "n_vocab": N_VOCAB, "eos_id": 0, "pad_id": 1, "n_bytes": 1}
        table = pa.Table.from_pylist(rows, schema=schema)
        write_set(folder / name, "tokens", schema, table.to_batches(), info=info, compression=None, token_column="tokens")
    recipe = {
        "name": "tiny",
        "seed": seed,
        "row_tokens": ROW_TOKENS,
        "sources": {name: {"tokens": str(folder / name), "max_epochs": 50} for name in ("even", "odd")},
        "stages": stages or [{"name": "only", "tokens": n_tokens, "weights": {"even": 0.75, "odd": 0.25}}],
        "out": str(folder / "mix"),
        "workers": 1,
    }
    build(MixRecipe.model_validate(recipe))
    return folder / "mix"
