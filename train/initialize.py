"""Makes a new model with random weights from a configuration."""

import json
from pathlib import Path
from typing import Any

import torch

from shards.yaml_text import YamlError, load_yaml
from train import attention
from train.errors import TrainError
from train.model import DTYPES, UNLOADABLE, prepare, quiet_transformers
from train.save.files import TOKENIZER_FILES, copy_files
from train.save.folder import new_folder
from train.save.model import export_state, save_config, save_weights
from train.selfcheck import check_model


def initialize(config: Path, tokenizer: Path, out: Path, *, seed: int = 0, dtype: str = "fp32") -> int:
    """Write a Hugging Face folder with a model of `config`, weights drawn from `seed`, and `tokenizer`'s files. Returns the number of parameters.

    `config` is YAML or JSON with the keys of transformers' config.json. `model_type` is required; `vocab_size`, `bos_token_id` and
    `eos_token_id` default to the tokenizer's. Raises TrainError for a bad config, an architecture that cannot be trained, a vocabulary that is too
    small, or an `out` in use.
    """
    from transformers import AutoModelForCausalLM

    attention.register()
    quiet_transformers()
    settings = _read_config(config) | {"dtype": "float32"}
    n_vocab = _vocabulary_size(tokenizer)
    settings = _special_ids(tokenizer) | {"vocab_size": n_vocab} | settings
    if settings["vocab_size"] < n_vocab:
        raise TrainError(f"{config}: vocab_size {settings['vocab_size']}, but {tokenizer} has {n_vocab} tokens; raise it or leave it out")
    model_config = _hf_config(config, settings)
    torch.manual_seed(seed)
    try:
        network = AutoModelForCausalLM.from_config(model_config, dtype=torch.float32, trust_remote_code=False, attn_implementation="eager")
        network.set_attn_implementation(attention.NAME)
    except UNLOADABLE as error:
        raise TrainError(f"{config}: transformers cannot build it with the trainer's attention: {' '.join(str(error).split())[:300]}") from None
    _check_trainable(config, network)
    with new_folder(out) as folder:
        save_weights(network, export_state(network, {}, DTYPES[dtype], keep=True), folder)
        save_config(network, DTYPES[dtype], folder, {})
        copy_files(tokenizer, folder, TOKENIZER_FILES)
    return sum(parameter.numel() for parameter in network.parameters())


def _check_trainable(path: Path, network: Any) -> None:
    """Raise TrainError for a model that `train` would refuse at its start. Weights and configuration do not change."""
    try:
        model = prepare(network)
        model.backend = attention.choose_backend("auto", model.network, model.device, torch.float32)
        check_model(model)
    except TrainError as error:
        raise TrainError(f"{path}: `train` would refuse this model: {error}") from None


def _read_config(path: Path) -> dict[str, Any]:
    try:
        settings = load_yaml(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise TrainError(f"{path}: cannot read the model configuration ({' '.join(str(error).split())})") from None
    if not isinstance(settings, dict) or "model_type" not in settings:
        raise TrainError(f"{path}: no model_type; a model configuration needs one, e.g. model_type: llama")
    return settings


def _hf_config(path: Path, settings: dict[str, Any]) -> Any:
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind = settings["model_type"]
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise TrainError(f"{path}: model_type {kind}: transformers has no causal language model of this name; use e.g. llama, qwen2 or gpt2")
    try:
        config = AutoConfig.for_model(**settings)
    except UNLOADABLE as error:
        raise TrainError(f"{path}: transformers refuses it: {' '.join(str(error).split())}") from None
    unknown = sorted(set(settings) - set(AutoConfig.for_model(kind).to_dict()) - {"rope_theta", "dtype"})
    if unknown:
        raise TrainError(f"{path}: unknown keys for {kind}: {', '.join(unknown)}; see transformers' {type(config).__name__}")
    return config


def _vocabulary_size(tokenizer: Path) -> int:
    """Largest token id + 1, including special tokens."""
    from tokenizers import Tokenizer

    path = tokenizer / "tokenizer.json"
    if not path.exists():
        raise TrainError(f"{tokenizer}: no tokenizer.json; give the folder of a Hugging Face tokenizer")
    return max(Tokenizer.from_file(str(path)).get_vocab(with_added_tokens=True).values()) + 1


def _special_ids(tokenizer: Path) -> dict[str, int | None]:
    """Ids of the begin, end and padding tokens that tokenizer_config.json names; None for a token that it does not name."""
    from tokenizers import Tokenizer

    path = tokenizer / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    encoder = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    ids: dict[str, int | None] = {}
    for role in ("bos", "eos", "pad"):
        token = settings.get(f"{role}_token")
        token = token.get("content") if isinstance(token, dict) else token
        ids[f"{role}_token_id"] = encoder.token_to_id(token) if token else None
    if ids["pad_token_id"] in (ids["bos_token_id"], ids["eos_token_id"]):
        ids["pad_token_id"] = None  # transformers neither initialises nor trains the embedding of the padding token
    return ids
