"""Activation checkpointing: the backward pass recomputes activations that were not kept (arXiv 1604.06174).

Selective mode keeps, per layer, the results of attention and of every second matrix product; the rest is cheap to recompute. The rule is torchtitan's.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from train.adapt.parts import decoder_layers

_MATRIX_PRODUCTS = ("aten::mm", "aten::addmm", "aten::linear", "aten::_scaled_mm")
_ATTENTION = (
    "aten::_scaled_dot_product_flash_attention",
    "aten::_scaled_dot_product_efficient_attention",
    "aten::_scaled_dot_product_cudnn_attention",
    "aten::_scaled_dot_product_flash_attention_for_cpu",
    "torch_attn::_varlen_attn",
    "flex_attention",
    "cptkit::planned_attention",  # train.plan.stand_in
)


def checkpoint_activations(network: Any, mode: str) -> None:
    """Make the decoder layers recompute activations; `mode` is none, selective or full.

    Each layer's `forward` is wrapped, not its call: a compiled layer then contains its checkpoint, so that the compiler applies the rule of the selective
    mode to operators, and FSDP's hooks do not run a second time. (transformers 5.17 wraps the call.)
    """
    if mode == "none":
        return
    options: dict[str, Any] = {"use_reentrant": False, "preserve_rng_state": False}  # layers draw no random numbers: dropout is off
    if mode == "selective":
        options["context_fn"] = _selective
    for layer in decoder_layers(network):
        layer.forward = _checkpointed(layer.forward, options)


def _checkpointed(forward: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    def checkpointed(*arguments: Any, **named: Any) -> Any:  # a function of its own: torch.compile skips frames of torch's checkpoint
        return checkpoint(forward, *arguments, **options, **named)

    return checkpointed


def _selective() -> tuple[Any, Any]:
    counts: dict[str, int] = defaultdict(int)

    def decide(context: Any, operator: Any, *_: Any, **__: Any) -> CheckpointPolicy:
        name = operator.name().partition(".")[0] if isinstance(operator, torch._ops.OpOverload) else str(operator)
        if name in _ATTENTION:
            return CheckpointPolicy.MUST_SAVE
        if name not in _MATRIX_PRODUCTS:
            return CheckpointPolicy.PREFER_RECOMPUTE
        phase = "recompute" if context.is_recompute else "forward"
        counts[phase] += 1
        return CheckpointPolicy.MUST_SAVE if counts[phase] % 2 else CheckpointPolicy.PREFER_RECOMPUTE

    return create_selective_checkpoint_contexts(decide)
