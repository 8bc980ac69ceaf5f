"""The config.json of a saved model, written so that readers of transformers 4 and of transformers 5 see the same model.

Transformers 5 renamed settings: `rope_theta` and `rope_scaling` became parts of `rope_parameters`, `torch_dtype` became `dtype`, and a mixture of
experts may count its experts as `num_local_experts` instead of `num_experts`. A reader of transformers 4 (vLLM, the converters of llama.cpp) does not
fail on the new names; it silently uses defaults. So the saved file is the base model's own file, changed only where the model changed, with the names
of transformers 5 beside those of transformers 4.
"""

import copy
import json
import logging
from collections.abc import Mapping
from typing import Any

import torch

_ROPE_NAMES = {
    "rope_theta": ("full_attention", "rope_theta"),
    "rotary_emb_base": ("full_attention", "rope_theta"),  # GPT-NeoX
    "global_rope_theta": ("full_attention", "rope_theta"),  # ModernBERT's decoder
    "rope_local_base_freq": ("sliding_attention", "rope_theta"),  # Gemma 3
    "local_rope_theta": ("sliding_attention", "rope_theta"),
    "partial_rotary_factor": ("full_attention", "partial_rotary_factor"),
    "rotary_pct": ("full_attention", "partial_rotary_factor"),  # GPT-NeoX
}
"""Transformers 4's names of rotary settings: kind of layer and key in `rope_parameters`. A name is used where the architecture's class reads it."""

_LEGACY_ROPE = ("rope_scaling", *_ROPE_NAMES)
_NOT_COMPARED = ("transformers_version", "dtype", "torch_dtype", "architectures", "auto_map")
_PROBE = 0.375
"""A value that no configuration has by default."""

Settings = dict[str, Any]


def config_json(network: Any, dtype: torch.dtype, own: Mapping[str, Any]) -> Settings:
    """Content of config.json for `network` saved in `dtype`; `own` is the content of the base model's, empty for a new model.

    Keys of `own` keep their values unless the model's configuration changed since it was loaded. `auto_map` is left out: it names Python files of the
    base model, and the network is transformers' own class. If transformers would not read the result as the network's configuration, the result has
    the names of transformers 5 only, and a warning is logged.
    """
    config = copy.deepcopy(network.config)
    original = type(config).from_dict(copy.deepcopy(dict(own))) if own.get("model_type") == config.model_type else config
    stored = dict(own) if original is not config else {}
    extra = {"architectures": [type(network).__name__.removeprefix("FSDP")]}
    both = _overlaid(config, original, stored, _name(dtype)) | extra
    wrong = _misread(config, both)
    if not wrong:
        return both
    logging.warning(
        "config.json: transformers reads %s differently from the names of transformers 4; only those of transformers 5 are written", ", ".join(wrong)
    )
    return _serialized(config, use_diff=True) | extra | {"dtype": _name(dtype), "torch_dtype": _name(dtype)}


def legacy_rope(config: Any) -> Settings:
    """The rotary settings of a transformers 5 configuration under the names that transformers 4 reads. `rope_scaling` is missing if nothing is scaled."""
    rope = getattr(config, "rope_parameters", None) or {}
    by_layer = rope if any(isinstance(value, dict) for value in rope.values()) else {"full_attention": rope}
    settings = {
        name: by_layer[kind][key] for name, (kind, key) in _ROPE_NAMES.items() if (by_layer.get(kind) or {}).get(key) is not None and _reads(config, name)
    }
    scaling = dict(by_layer.get("full_attention") or {})
    kind = scaling.pop("rope_type", "default")
    if kind != "default":
        top = _serialized(config, use_diff=False)
        options = {key: value for key, value in scaling.items() if key not in ("rope_theta", "partial_rotary_factor", "type") and key not in top}
        # Phi-3 of transformers 4 accepts exactly three keys here, the kind among them under its first name.
        settings["rope_scaling"] = {"type" if kind == "longrope" else "rope_type": kind, **options}
    return settings


def _overlaid(config: Any, original: Any, own: Settings, dtype: str) -> Settings:
    """`own` with the settings in which `config` differs from `original`, which is `own` as transformers read it."""
    now, before = _serialized(config, use_diff=False), _serialized(original, use_diff=False)
    changed = {key for key in now if now[key] != before.get(key)}
    settings = {key: value for key, value in own.items() if key != "auto_map"}
    for key, value in _serialized(config, use_diff=True).items():
        if key in config.sub_configs and isinstance(own.get(key), dict):
            settings[key] = _overlaid(getattr(config, key), getattr(original, key), own[key], dtype)
        elif key not in own:
            settings[key] = value
    settings |= {key: now[key] for key in changed - config.sub_configs.keys()}
    _add_aliases(settings, config, own, now, changed)
    _add_rope(settings, config, own, is_changed="rope_parameters" in changed)
    return settings | {"dtype": dtype, "torch_dtype": dtype, "transformers_version": now["transformers_version"]}


def _add_aliases(settings: Settings, config: Any, own: Settings, now: Settings, changed: set[str]) -> None:
    """Add transformers' other names of settings (`num_experts` for `num_local_experts`). A file of transformers 4 has those that its readers know."""
    is_new = not own or str(own.get("transformers_version", "")).startswith("5")
    for alias, key in config.attribute_map.items():
        if (alias in own and key in changed) or (alias not in own and is_new and isinstance(now.get(key), int | float | str)):
            settings[alias] = now[key]
    pattern, types = now.get("_sliding_window_pattern"), now.get("layer_types") or []  # transformers 4 spells it without the underscore
    if pattern and types == ["full_attention" if number % pattern == 0 else "sliding_attention" for number in range(1, len(types) + 1)]:
        settings.setdefault("sliding_window_pattern", pattern)


def _add_rope(settings: Settings, config: Any, own: Settings, *, is_changed: bool) -> None:
    if is_changed:
        for name in _LEGACY_ROPE:
            settings.pop(name, None)
    if is_changed or not own or "rope_parameters" in own:
        for name, value in legacy_rope(config).items():
            settings.setdefault(name, value)


def _reads(config: Any, name: str) -> bool:
    """Whether the configuration's class takes this name of transformers 4 into its rotary parameters."""
    try:
        rope = type(config)(**{name: _PROBE}).rope_parameters
    except Exception:  # a class may refuse the value, which says that it reads another setting under this name
        return False
    kind, key = _ROPE_NAMES[name]
    return (rope.get(kind) if isinstance(rope.get(kind), dict) else rope).get(key) == _PROBE


def _misread(config: Any, settings: Settings) -> list[str]:
    """Keys that transformers reads differently from `config` out of these settings."""
    expected, found = _serialized(config, use_diff=False), _serialized(type(config).from_dict(copy.deepcopy(settings)), use_diff=False)
    return sorted(key for key in expected if key not in _NOT_COMPARED and _plain(expected[key]) != _plain(found.get(key)))


def _plain(value: Any) -> Any:
    """Settings without the kind's second name, in which files differ although they mean the same."""
    if not isinstance(value, dict):
        return value
    return {key: _plain(part) for key, part in value.items() if key not in ("type", *_NOT_COMPARED)}


def _serialized(config: Any, *, use_diff: bool) -> Settings:
    settings = json.loads(config.to_json_string(use_diff=use_diff))
    settings.pop("_name_or_path", None)
    return settings


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
