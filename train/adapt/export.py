"""Exports an adapted network: as the equivalent plain Hugging Face model, and its adapter alone."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from train.adapt.adapt import Adaptation, adapt
from train.adapt.lora import adapted_layers, adapted_weight, adapter_files, dequantized, merged_weight, plain_name
from train.adapt.parts import is_adapter
from train.adapt.recipe import AdaptRecipe, ExpandRecipe
from train.errors import TrainError
from train.model import load_network, local_folder, stored_dtype
from train.save.folder import new_folder
from train.save.model import export_state, save_model, whole
from train.save.tensors import StoredWeights


class PlainWeights(Mapping[str, Tensor]):
    """Tensors by the names of `adaptation.plain`, made on access: adapters are merged in, frozen tensors equal those of the base model.

    `trained` maps the network's names to the tensors that replace them (masters, averages). A frozen tensor comes from the network if the network
    holds it without loss; otherwise (stored in float32 but computed in bfloat16, or 4-bit weights) it is read again from the base model. Every process
    of a sharded network must access the same tensors in the same order.
    """

    def __init__(self, network: Any, adaptation: Adaptation, trained: Mapping[str, Tensor], base: Path) -> None:
        self._adaptation, self._trained, self._base = adaptation, trained, base
        layers = adapted_layers(network) if adaptation.recipe.lora else {}
        self._layers = {adapted_weight(prefix, layer): (prefix, layer) for prefix, layer in layers.items()}
        self._names = {plain_name(name): name for name, _ in network.named_parameters() if not is_adapter(name)}
        self._parameters = dict(network.named_parameters())
        saved = adaptation.plain.state_dict().keys()
        buffers = {plain_name(name): buffer for name, buffer in network.named_buffers()}
        self._buffers = {name: buffer for name, buffer in buffers.items() if name in saved}
        if strange := [name for name in trained if is_adapter(name) and name.partition(".lora_")[0] not in layers]:
            raise TrainError(f"adapt.lora: {strange[0]}: belongs to no weight of the model, which would be saved without its change")
        self._stored = {info.dtype for info in StoredWeights(base).infos.values() if info.dtype.is_floating_point}

    def __getitem__(self, plain: str) -> Tensor:
        if plain in self._buffers:
            return self._buffers[plain]
        name = self._names[plain]
        weight = whole(self._trained[name].detach()) if name in self._trained else self._frozen(plain, self._parameters[name])
        if plain not in self._layers:
            return weight
        prefix, layer = self._layers[plain]
        own = {key: self._trained.get(key, parameter) for key, parameter in self._parameters.items() if key.startswith(f"{prefix}.lora_")}
        adapter = {key: whole(tensor.detach()) for key, tensor in own.items()}
        return merged_weight(layer, prefix, weight.to(next(iter(adapter.values())).device), adapter)

    def __iter__(self) -> Iterator[str]:
        return iter([*self._names, *self._buffers])

    def __len__(self) -> int:
        return len(self._names) + len(self._buffers)

    def _frozen(self, plain: str, parameter: Tensor) -> Tensor:
        quantize = self._adaptation.recipe.quantize
        if quantize is not None and quantize.merge_into == "quantized" and not parameter.is_floating_point():
            return dequantized(parameter)
        if parameter.dtype == torch.float32 or self._stored == {parameter.dtype}:
            return whole(parameter.detach())
        return self._originals[self._adaptation.original_name(plain)]

    @cached_property
    def _originals(self) -> dict[str, Tensor]:
        return load_network(self._base).state_dict()


def stored_dtypes(network: Any, base: Path, adaptation: Adaptation | None) -> dict[str, torch.dtype]:
    """Dtype of each parameter of `network` in the base model's files (for a copied layer, that of its origin); omits names that the files lack."""
    stored = StoredWeights(base).infos
    originals = {name: adaptation.original_name(name) if adaptation else name for name, _ in network.named_parameters()}
    return {name: stored[original].dtype for name, original in originals.items() if original in stored}


def write_adapter(network: Any, trained: Mapping[str, Tensor], base: str, folder: Path) -> None:
    """Write the adapter and all other trained tensors to `folder` in peft's format; `base` names the model that they belong to."""
    adapters = {name: tensor for name, tensor in trained.items() if is_adapter(name)}
    others = {plain_name(name): tensor for name, tensor in trained.items() if not is_adapter(name)}
    by_identity = {id(parameter): plain_name(name) for name, parameter in network.named_parameters()}
    for name, parameter in network.named_parameters(remove_duplicate=False):
        if by_identity[id(parameter)] in others:  # peft needs a tied tensor under both names
            others[plain_name(name)] = others[by_identity[id(parameter)]]
    adapter_files(network, adapters, others, base, folder)


def expand_model(model: str, blocks: int, out: Path) -> list[int]:
    """Write `model` (folder or hub id) with `blocks` new layers to `out`, tensors in their stored dtypes. Returns the indices of the new layers.

    Raises TrainError for an architecture that cannot be expanded, or an `out` in use.
    """
    base = local_folder(model)
    with new_folder(out) as folder:
        network = load_network(base)
        adaptation = adapt(network, AdaptRecipe(expand=ExpandRecipe(blocks=blocks)), torch.float32, torch.device("cpu"))
        dtype = stored_dtype(base)
        state = export_state(network, {}, dtype, keep=True, dtypes=stored_dtypes(network, base, adaptation))
        save_model(network, state, folder, dtype, base)
    return adaptation.new_blocks
