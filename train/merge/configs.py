"""What a model computes besides its weights, from its config.json: only models that agree on it can be merged."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train.errors import TrainError
from train.model import UNLOADABLE

_NO_EFFECT = {
    "architectures", "auto_map", "bos_token_id", "cache_implementation", "chunk_size_feed_forward", "dtype", "eos_token_id", "finetuning_task",
    "gradient_checkpointing", "id2label", "initializer_range", "label2id", "max_window_layers", "name_or_path", "num_labels", "output_attentions",
    "output_hidden_states", "output_router_logits", "pad_token_id", "prefix", "pretraining_tp", "problem_type", "return_dict", "router_aux_loss_coef",
    "router_jitter_noise", "router_z_loss_coef", "task_specific_params", "tokenizer_class", "torch_dtype", "transformers_version",
    "use_cache", "vocab_size",
}  # fmt: skip
"""Keys that leave logits as they are: names, dtypes, caches, initial values, losses of training. Shapes are compared with the tensors."""
_TRAINING_ONLY = ("dropout", "pdrop")
_LENGTH = "max_position_embeddings"
_ROPE_WITH_LENGTH = ("dynamic", "yarn", "longrope")
"""Kinds of rotary embeddings whose frequencies can depend on the longest position."""
_ABSENT = "absent"


def refuse_other_configs(folders: Mapping[str, Path], may_differ: Sequence[str] = ()) -> None:
    """Raise TrainError that names a key and its values unless all configs agree on what changes logits, except for the keys `may_differ`.

    Configs are compared as transformers reads them, so that old and new spellings of one setting are equal.
    """
    (first, reference), *others = ((role, settings_of(folder)) for role, folder in folders.items())
    for role, other in others:
        skipped = {*may_differ} if _length_matters(reference) and _length_matters(other) else {*may_differ, _LENGTH}
        for key in sorted(reference.keys() | other.keys()):
            ours, theirs = reference.get(key, _ABSENT), other.get(key, _ABSENT)
            if ours != theirs and skipped.isdisjoint(key.split(".")):
                raise TrainError(
                    f"config.json of {first} ({folders[first]}) and {role} ({folders[role]}): {key} is {ours} and {theirs}, so they compute different "
                    f"functions of their weights; merge models of one configuration, or list {key.split('.')[0]} in may_differ"
                )


def settings_of(folder: Path) -> dict[str, Any]:
    """The settings of a model folder that change its logits, with dots for nesting; those of transformers' class, or of the file if it has none."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except UNLOADABLE:
        return _with_effect(_flat(_read(folder / "config.json")))
    return _with_effect(_flat(_declared(config)))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else {}
    except (OSError, ValueError) as error:
        raise TrainError(f"{path}: not a readable config ({type(error).__name__}: {error})") from None


def _declared(config: Any) -> dict[str, Any]:
    """The keys that the config's class knows; the model's code cannot depend on others."""
    settings = config.to_dict()
    try:
        known = type(config)().to_dict()
    except UNLOADABLE:
        return settings
    nested = {name: _declared(getattr(config, name)) for name in config.sub_configs if getattr(config, name, None) is not None}
    return {key: value for key, value in settings.items() if key in known} | nested


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _with_effect(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if not any(_has_no_effect(part) for part in key.split("."))}


def _has_no_effect(name: str) -> bool:
    return name.startswith("_") or name in _NO_EFFECT or any(part in name for part in _TRAINING_ONLY)


def _length_matters(settings: dict[str, Any]) -> bool:
    return any(key.split(".")[-1] in ("rope_type", "type") and value in _ROPE_WITH_LENGTH for key, value in settings.items())
