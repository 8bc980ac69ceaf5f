"""Matrix products of the decoder layers in 8-bit floats, by torchao.

A linear layer casts its input, its weight and the gradient of its output to float8 before each product, scaled by their largest magnitude at that moment
(FP8 formats: arXiv 2209.05433). Parameters, gradients, masters and saved models are those of a run in bfloat16.
"""

import dataclasses
import logging
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from train.adapt.parts import decoder_layers, is_adapter
from train.adapt.targets import is_router
from train.errors import TrainError

Scaling = Literal["tensorwise", "rowwise"]

_CAPABILITY = 8, 9  # of the first GPUs whose tensor cores multiply float8: Ada; Hopper is 9.0
_MULTIPLE = 16  # torch multiplies float8 matrices whose dimensions are multiples


def convert(network: Any, scaling: Scaling, device: torch.device) -> None:
    """Prepare the linear layers of the decoder layers for float8; they compute as before until `begin` is called. Call it before the network is sharded.

    Not converted: the output head, routers, adapters, experts in one stacked tensor, and weights with a dimension that is no multiple of 16. On a CPU,
    float8 is emulated: its rounding is exact, and it is slower than bfloat16. Raises TrainError if torchao is missing, if the GPU has no float8, or if
    there is nothing to convert.
    """
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < _CAPABILITY:
        raise TrainError(f"fp8: {torch.cuda.get_device_name(device)} does not multiply 8-bit floats (compute capability 8.9 or later does); leave it out")
    torchao = _torchao()
    config = dataclasses.replace(torchao.Float8LinearConfig.from_recipe_name(scaling), emulate=device.type == "cpu", pad_inner_dim=True)
    for layer in decoder_layers(network):
        torchao.convert_to_float8_training(layer, module_filter_fn=_is_convertible, config=config)
    converted = _converted(network)
    if not converted:
        raise TrainError(f"fp8: {type(network).__name__}: its decoder layers have no linear layers of multiples of 16; leave out fp8")
    for linear in converted:
        linear.__dict__["forward"] = partial(nn.Linear.forward, linear)
    logging.info("fp8: %d linear layers, %s scaling%s", len(converted), scaling, ", emulated on the CPU" if device.type == "cpu" else "")


def begin(network: Any) -> None:
    """From now on, compute in float8 what `convert` prepared. The checks of a model come before this: they compare with exact results."""
    for linear in _converted(network):
        linear.__dict__.pop("forward", None)


def _is_convertible(module: nn.Module, name: str) -> bool:
    return type(module) is nn.Linear and not any(size % _MULTIPLE for size in module.weight.shape) and not is_adapter(f".{name}.") and not is_router(name)


def _converted(network: nn.Module) -> list[nn.Linear]:
    return [module for module in network.modules() if type(module).__name__ == "Float8Linear" and isinstance(module, nn.Linear)]


def _torchao() -> Any:
    try:
        import torchao.float8
    except ImportError:
        raise TrainError("fp8: needs torchao; install cptkit[fp8]") from None
    return torchao.float8
