"""Low-rank adapters by peft, inserted into the transformers model in place, so that the model keeps its class."""

import logging
import math
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from shards.imports import modules_hidden
from train.adapt.parts import decoder_layers
from train.adapt.recipe import LoraRecipe, QuantizeRecipe
from train.adapt.targets import FUSED, expert_targets, has_experts
from train.errors import TrainError

ADAPTER = "default"
"""peft's name for the adapter; part of parameter names."""


@contextmanager
def _no_downloaded_code() -> Iterator[None]:
    """Import bitsandbytes (which peft imports, too) without the kernels that it would download from the hub, and without its warning about them."""
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    level = logger.level
    logger.setLevel(logging.ERROR)
    loaded = sys.modules.pop("kernels", None)  # transformers imported it, but the environment keeps it from using it
    try:
        with modules_hidden(["kernels"]):
            yield
    finally:
        logger.setLevel(level)
        if loaded is not None:
            sys.modules["kernels"] = loaded


def add_adapters(network: Any, settings: LoraRecipe) -> None:
    """Insert adapters beside the target weights; they change nothing at first, because their second factor is 0. Also works on meta.

    Raises TrainError if peft is not installed, if the targets are not in the model, or for DoRA on experts.
    """
    try:
        with _no_downloaded_code():
            from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise TrainError("adapt.lora: needs peft; install cptkit[adapters]") from None
    alpha = settings.alpha if settings.alpha is not None else 2 * settings.rank
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=alpha,  # type: ignore[arg-type]
        target_modules=settings.targets,
        use_dora=settings.dora,
        use_rslora=settings.rank_stabilized,
        fan_in_fan_out=network.config.model_type == "gpt2",
        task_type="CAUSAL_LM",
    )
    if has_experts(network):
        config.target_modules, config.target_parameters = expert_targets(network, settings.targets)
        if settings.dora and config.target_parameters:
            raise TrainError(
                f"adapt.lora.dora: peft has no DoRA for experts; set dora: false, or name other weights in targets, not {', '.join(config.target_parameters)}"
            )
        config.rank_pattern = {FUSED: 2 * settings.rank}  # the scale of the change stays what it is for one matrix
        config.alpha_pattern = {FUSED: alpha * (math.sqrt(2) if settings.rank_stabilized else 2)}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The following (rank|alpha)_pattern keys did not match")  # peft looks for them in modules only
            inject_adapter_in_model(config, network, adapter_name=ADAPTER)
    except ValueError as error:
        raise TrainError(f"adapt.lora: {' '.join(str(error).split())[:300]}") from None


def quantize_layers(network: Any, settings: QuantizeRecipe, compute_dtype: torch.dtype, device: torch.device) -> None:
    """Replace the linear layers of the blocks with 4-bit ones on `device`, one by one. Head, embeddings and norms stay unchanged.

    Raises TrainError if bitsandbytes is missing, if there is nothing to quantise, or for a mixture of experts.
    """
    if has_experts(network):
        raise TrainError(f"adapt.quantize: {type(network).__name__}: bitsandbytes has no 4-bit form of experts, most of its weights; leave out quantize")
    try:
        with _no_downloaded_code():
            import bitsandbytes as bnb
    except ImportError:
        raise TrainError("adapt.quantize: needs bitsandbytes; install cptkit[lean]") from None
    targets = [(layer, name) for layer in decoder_layers(network) for name, module in layer.named_modules() if type(module) is torch.nn.Linear]
    if not targets:
        raise TrainError(f"adapt.quantize: the blocks of {type(network).__name__} have no plain linear layers; leave out quantize")
    for layer, name in targets:
        linear: Any = layer.get_submodule(name)
        if linear.weight.is_meta:
            raise TrainError("adapt.quantize: 4-bit weights cannot be sharded; run on one device, or leave out quantize")
        quantized = bnb.nn.Linear4bit(
            linear.in_features, linear.out_features, linear.bias is not None, compute_dtype, settings.double, settings.kind, device="meta"
        )
        quantized.weight = bnb.nn.Params4bit(
            linear.weight.data, requires_grad=False, compress_statistics=settings.double, quant_type=settings.kind, module=quantized
        )
        if linear.bias is not None:
            quantized.bias = linear.bias
        layer.set_submodule(name, quantized.to(device))
    network.is_loaded_in_4bit = True  # tells peft which of its layer classes to use


def adapted_layers(network: Any) -> dict[str, Any]:
    """peft's layers, by the name of the module that they replace."""
    from peft.tuners.lora import LoraLayer

    return {name: module for name, module in network.named_modules() if isinstance(module, LoraLayer)}


def adapted_weight(prefix: str, layer: Any) -> str:
    """Name, in the model without adapters, of the weight that one of peft's layers adapts; `prefix` is the layer's own name."""
    return f"{plain_name(prefix)}.{getattr(layer, 'parameter_name', 'weight')}"


def plain_name(name: str) -> str:
    """Name of a module or parameter in the model without adapters. peft wraps a module once for each of its parameters that it adapts."""
    return re.sub(r"\.base_layer(?=\.|$)", "", name)


def merged_weight(layer: Any, prefix: str, base: Tensor, masters: Mapping[str, Tensor]) -> Tensor:
    """The single weight that is equivalent to `base` with its adapter; float32, with the layout of `base`.

    `masters` holds the adapter's tensors by parameter name; `prefix` is the name of the layer. LoRA: W + s B A, for each expert if `base` is
    (n_experts, out, in) or (n_experts, in, out). DoRA: rows of W + s B A scaled to the trained lengths (equation 5 of arXiv 2402.09353).
    """
    down, up = (masters[f"{prefix}.lora_{part}.{ADAPTER}.weight"].float() for part in "AB")
    if base.ndim == 3:
        down, up = down.reshape(len(base), -1, down.shape[-1]), up.reshape(len(up), -1, len(base))  # (experts, rank, in), (out, rank, experts)
        order = "eoi" if layer._did_swap_in_out_features else "eio"
        return base.float() + layer.scaling[ADAPTER] * torch.einsum(f"ore,eri->{order}", up, down)
    weight = base.float().T if layer.fan_in_fan_out else base.float()
    weight = weight + layer.scaling[ADAPTER] * (up @ down)
    lengths = masters.get(f"{prefix}.lora_magnitude_vector.{ADAPTER}.weight")
    if lengths is not None:
        weight = weight * (lengths.float() / weight.norm(dim=1))[:, None]
    return weight.T.contiguous() if layer.fan_in_fan_out else weight


def dequantized(weight: Any) -> Tensor:
    """The values of a 4-bit weight, float32."""
    import bitsandbytes as bnb

    return bnb.functional.dequantize_4bit(weight.data, weight.quant_state).float()


def adapter_files(network: Any, adapters: Mapping[str, Tensor], others: Mapping[str, Tensor], base: str, folder: Path) -> None:
    """Write the adapter in peft's format, for `PeftModel.from_pretrained`: adapter_config.json and adapter_model.safetensors.

    `others` are whole tensors that were also trained, by the network's names (`modules_to_save`); `base` goes into the config.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    config = network.peft_config[ADAPTER]
    config.base_model_name_or_path = base
    config.inference_mode = True
    # peft keeps a set, whose order differs from process to process.
    config.target_modules = sorted(config.target_modules) if isinstance(config.target_modules, set) else config.target_modules
    config.target_parameters = sorted(config.target_parameters) if config.target_parameters else None
    config.modules_to_save = sorted({name.rpartition(".")[0] for name in others}) or None
    config.ensure_weight_tying = bool(others) and network.config.tie_word_embeddings
    state = get_peft_model_state_dict(network, dict(adapters), adapter_name=ADAPTER, save_embedding_layers=False) | dict(others)
    tensors = {f"base_model.model.{name}": tensor.detach().cpu().clone() for name, tensor in state.items()}
    config.save_pretrained(folder)
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
