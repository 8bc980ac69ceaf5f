"""A tiny tokenizer and untrained models, made once per test run."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
import torch
import xxhash
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, LlamaConfig

from eval.recipe import EvaluateRecipe
from shards.schemas import DOCUMENTS
from shards.write import write_set

GENERAL = [f"Sentence number {number} of a general kind. " * (1 + number % 7) for number in range(30)]
DOMAIN = [f"def f{number}(x):\n    return x + {number}\n" * (1 + number % 5) for number in range(20)]


def save_tokenizer(folder: Path, *, with_bos: bool = False) -> None:
    """Byte-level, one id a byte, `<s>` as 256 and `</s>` as 257."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)} | {"<s>": 256, "</s>": 257}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    if with_bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 256)])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))


def save_model(folder: Path, seed: int, *, with_bos: bool = False) -> Path:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=258, max_position_embeddings=64, tie_word_embeddings=True, initializer_range=0.3, **sizes)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    save_tokenizer(folder, with_bos=with_bos)
    return folder


def save_documents(folder: Path, texts: list[str]) -> Path:
    n = len(texts)
    ids = [xxhash.xxh3_128_digest(text.encode()) for text in texts]
    plain = [pa.array([value] * n) for value in ("made up", "en", "", "", "made.txt")]
    columns = [pa.array(ids, pa.binary(16)), pa.array(texts, pa.large_string()), *plain, pa.array(range(n), pa.int64())]
    write_set(folder, "documents", DOCUMENTS, [pa.record_batch(columns, schema=DOCUMENTS)])
    return folder


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("models")
    return {
        "base": save_model(home / "base", 0),
        "adapted": save_model(home / "adapted", 1),
        "with_bos": save_model(home / "with_bos", 0, with_bos=True),
    }


@pytest.fixture
def recipe(tmp_path, model_folders):
    def build(**changes):
        fields = {
            "name": "test",
            "models": {name: model_folders[name] for name in ("base", "adapted")},
            "baseline": "base",
            "domains": {
                "domain": {"documents": save_documents(tmp_path / "domain", DOMAIN), "role": "gain", "clusters": "none"},
                "general": {"documents": save_documents(tmp_path / "general", GENERAL), "role": "retain", "clusters": "none"},
            },
            "context_tokens": 64,
            "n_resamples": 500,
            "threads": 1,
            "out": tmp_path / "scores",
        }
        return EvaluateRecipe.model_validate(fields | changes)

    return build
