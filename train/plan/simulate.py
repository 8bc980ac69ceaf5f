"""The memory of a training step, measured without having it: the step runs on meta tensors, whose bytes are counted as they come and go.

Nothing is estimated from a formula of the architecture: the network's own forward pass, the trainer's own loss and autograd decide what is
kept. What a run on real tensors differs by: the attention, which is replaced by one that keeps the same and computes nothing; what torch.compile
saves; and what lies outside tensors (`train.plan.memory`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from train.batch import Batch, BatchRows, make_batch
from train.errors import TrainError
from train.model import CausalModel
from train.plan.live import LiveBytes

_FEW_LAYERS = 2


@dataclass(frozen=True)
class StepMemory:
    """Bytes of one micro-batch beside weights and gradients: `kept` by the forward pass for the backward pass, `peak` at most in both."""

    kept: int
    peak: int


def measure_step(model: CausalModel, n_rows: int, row_tokens: int) -> StepMemory:
    """Memory of forward and backward of `n_rows` full rows, on the meta device.

    Where all layers are alike, two short stacks of them are run and the whole follows: every layer adds the same. The model is cut for that, and is
    of no use afterwards. Raises TrainError for an architecture whose forward pass asks for values, which meta tensors don't have.
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
    """Run forward and backward twice and count the second time, when all gradients exist."""
    batch = _batch(n_rows, row_tokens)
    with LiveBytes([*model.network.parameters(), *model.network.buffers()]) as live:
        for _ in range(2):
            before = live.now
            live.restart_peak()
            try:
                loss = model.loss(batch)
                kept = live.now - before
                (loss.total / batch.n_targets).backward()
            except (NotImplementedError, RuntimeError) as error:
                raise TrainError(f"plan: {type(model.network).__name__}: the forward pass asks for values, so its memory can't be planned ({error})") from None
            del loss
    model.network.zero_grad(set_to_none=True)
    return StepMemory(kept, live.peak - before)


def _kind(layer: nn.Module) -> tuple[Any, ...]:
    """What decides the memory of a layer: its parameters, and which are trained."""
    return tuple((name, tuple(parameter.shape), parameter.requires_grad) for name, parameter in layer.named_parameters())


def _batch(n_rows: int, row_tokens: int) -> Batch:
    rows = BatchRows(
        np.zeros((n_rows, row_tokens), dtype=np.int64),
        np.arange(n_rows + 1),
        np.full(n_rows, row_tokens, dtype=np.int32),
        np.zeros(n_rows, dtype=np.int16),
        np.full(n_rows, row_tokens, dtype=np.int32),
    )
    return make_batch(rows, 1).to(torch.device("meta"))
