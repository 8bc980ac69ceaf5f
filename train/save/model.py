"""Saves a network as a Hugging Face model folder: weights, config.json, and the base model's other files."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from train.save.config_json import config_json
from train.save.files import copy_files
from train.save.tensors import TensorInfo, write_weights

SHARD_BYTES = 5_000_000_000
"""Upper limit of a weight file in bytes. The hub's usual size, and a unit that a broken transfer can repeat; transformers 5 cuts at 50 GB only."""


def export_state(
    network: Any, weights: Mapping[str, Tensor], dtype: torch.dtype, *, keep: bool, dtypes: Mapping[str, torch.dtype] | None = None
) -> dict[str, Tensor]:
    """The network's state dict on the CPU, each tensor in its dtype of `dtypes`, else in `dtype`. Every process of a sharded network must call it;
    processes without `keep` get an empty dict.

    `weights` maps parameter names to tensors that replace the network's own (its float32 masters). Tied names share one tensor.
    """
    return export_tensors(network.state_dict(keep_vars=True), weights, dtype, keep=keep, dtypes=dtypes)


def export_tensors(
    tensors: Mapping[str, Tensor], weights: Mapping[str, Tensor], dtype: torch.dtype, *, keep: bool = True, dtypes: Mapping[str, torch.dtype] | None = None
) -> dict[str, Tensor]:
    """The same for `tensors`, a network's state dict with `keep_vars`."""
    converted: dict[Tensor, Tensor] = {}
    state = {}
    for name, tensor in tensors.items():
        if tensor not in converted:
            exported = whole(weights.get(name, tensor).detach())
            target = (dtypes or {}).get(name, dtype) if exported.is_floating_point() else exported.dtype
            converted[tensor] = exported.to("cpu", target, copy=True) if keep else exported.new_empty(0)
        state[name] = converted[tensor]
    return state if keep else {}


def save_model(network: Any, state: Mapping[str, Tensor], folder: Path, dtype: torch.dtype, base: Path) -> None:
    """Write a model folder: weights (`state` from `export_state`), config.json (that of `base` with what changed), and `base`'s unchanged files.

    Raises OSError if a file of `base` cannot be read or `folder` cannot be written.
    """
    save_weights(network, state, folder)
    save_config(network, dtype, folder, json.loads((base / "config.json").read_text(encoding="utf-8")))
    copy_files(base, folder)


def save_weights(network: Any, state: Mapping[str, Tensor], folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
    """Write the tensors of `state` as safetensors files of at most about `shard_bytes`, under the names and in the layout of the architecture's published
    models: tied tensors once, experts one by one where they are published so."""
    named = stored_form(network, state)
    infos = {name: TensorInfo(tensor.dtype, tuple(tensor.shape)) for name, tensor in named.items()}
    write_weights(folder, infos, named.__getitem__, shard_bytes)


def save_config(network: Any, dtype: torch.dtype, folder: Path, own: Mapping[str, Any]) -> None:
    """Write config.json for weights in `dtype`; `own` is the content of the base model's, empty for a new model."""
    (folder / "config.json").write_text(json.dumps(config_json(network, dtype, own), indent=2, sort_keys=True) + "\n")


def stored_form(network: Any, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`state` with the names and layouts of files. Where transformers cannot convert it, tensors keep their names in memory, which transformers 5 loads."""
    from transformers.core_model_loading import revert_weight_conversion

    ignored = set(network._keys_to_ignore_on_save or ())
    first: dict[int, str] = {}  # of tied names: transformers ties the others when it loads
    for name, tensor in state.items():
        first.setdefault(id(tensor), name)
    kept = {name: tensor for name, tensor in state.items() if first[id(tensor)] == name and name not in ignored}
    try:
        return revert_weight_conversion(network, dict(kept))
    except Exception as error:  # code of the library for one architecture; weights of a finished run must not be lost to it
        logging.warning("weights: transformers could not give them their published names and shapes (%s); only transformers 5 will load them", error)
        return kept


def whole(tensor: Tensor) -> Tensor:
    """The tensor itself, gathered from all processes if it is sharded; every process must call this."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
