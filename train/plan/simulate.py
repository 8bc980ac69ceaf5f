"""Measures the memory of a training step without using it: the step runs on meta tensors, whose bytes are counted as they are made and freed.

Nothing is estimated from a formula of the architecture: the network's own forward pass, the trainer's own loss and autograd decide what is
kept. A run on real tensors differs in three ways: attention is replaced by a stand-in that keeps the same tensors and computes nothing; torch.compile
saves memory; and some memory lies outside tensors (`train.plan.memory`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from train.batch import BatchRows, MicroBatch, make_batch
from train.errors import TrainError
from train.loss.distill import Distillation
from train.model import CausalModel
from train.plan.live import LiveBytes

_FEW_LAYERS = 2


@dataclass(frozen=True)
class StepMemory:
    """Bytes of one micro-batch besides weights and gradients: `kept` by the forward pass for the backward pass, `peak` over both passes."""

    kept: int
    peak: int


def measure_step(model: CausalModel, n_rows: int, row_tokens: int) -> StepMemory:
    """Memory of the forward and backward pass of `n_rows` full rows, on the meta device.

    If all layers are alike, every layer adds the same memory, so two short stacks are run and the result is extrapolated. This removes layers, so the
    model must not be used afterwards. Raises TrainError for an architecture whose forward pass reads values, which meta tensors do not have.
    """
    layers = model.layers()
    n_layers = len(layers)
    if n_layers <= 2 * _FEW_LAYERS or len({_kind(layer) for layer in layers}) > 1:
        return run_step(model, n_rows, row_tokens)
    del layers[2 * _FEW_LAYERS :]
    more = run_step(model, n_rows, row_tokens)
    del layers[_FEW_LAYERS:]
    few = run_step(model, n_rows, row_tokens)
    times = (n_layers - _FEW_LAYERS) / _FEW_LAYERS
    return StepMemory(round(few.kept + times * (more.kept - few.kept)), round(few.peak + times * (more.peak - few.peak)))


def run_step(model: CausalModel, n_rows: int, row_tokens: int) -> StepMemory:
    """Run the forward and backward pass twice and count the second run, when all gradients exist."""
    batch = _batch(n_rows, row_tokens)
    teacher = [model.objective.teacher.model.network] if isinstance(model.objective, Distillation) else []
    known = [tensor for network in (model.network, *teacher) for tensor in (*network.parameters(), *network.buffers())]
    with LiveBytes(known) as live:
        for _ in range(2):
            before = live.now
            live.restart_peak()
            try:
                loss = model.loss(batch)
                kept = live.now - before
                (loss.total / batch.n_targets).backward()
            except (NotImplementedError, RuntimeError) as error:
                raise TrainError(f"plan: {type(model.network).__name__}: the forward pass reads values, so its memory cannot be planned ({error})") from None
            del loss
    model.network.zero_grad(set_to_none=True)
    return StepMemory(kept, live.peak - before)


def _kind(layer: nn.Module) -> tuple[Any, ...]:
    """What determines the memory of a layer: its parameters, and which are trained."""
    return tuple((name, tuple(parameter.shape), parameter.requires_grad) for name, parameter in layer.named_parameters())


def _batch(n_rows: int, row_tokens: int) -> MicroBatch:
    rows = BatchRows(
        np.zeros((n_rows, row_tokens), dtype=np.int64),
        np.arange(n_rows + 1),
        np.full(n_rows, row_tokens, dtype=np.int32),
        np.zeros(n_rows, dtype=np.int16),
        np.full(n_rows, row_tokens, dtype=np.int32),
    )
    return make_batch(rows, 1).to(torch.device("meta"))
