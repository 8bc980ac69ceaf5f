"""Continued pre-training, read aloud: take the next batch, sum the loss over its targets, divide by their number, step, tell."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from train.batch import Batch
from train.errors import TrainError
from train.model import CausalModel
from train.weights import MasterWeights


@dataclass(frozen=True)
class RunState:
    """Where a run stands: optimizer steps done and real (non-padding) tokens seen."""

    step: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class StepRows:
    """The rows `[start, stop)` of the run that make one optimizer step, cut into micro-batches."""

    start: int
    stop: int
    micro_batches: Sequence[Batch]


@dataclass(frozen=True)
class StepReport:
    """What one step did. `loss` is nats per target over the whole batch, `seconds` its time, waiting for its batch included."""

    state: RunState
    loss: float
    nats_by_source: np.ndarray  # (n_sources,) float64
    targets_by_source: np.ndarray  # (n_sources,) int64
    lr: float
    grad_norm: float
    n_tokens: int
    seconds: float


def train(
    model: CausalModel,
    weights: MasterWeights,
    batches: Iterable[StepRows],
    lr_of: Callable[[int], float],
    state: RunState,
    after_step: Callable[[StepReport], bool],
) -> RunState:
    """Take one optimizer step per element of `batches`, until they end or `after_step` says False.

    `lr_of` gives the learning rate of a step counted from 1. Raises TrainError when the loss or the gradients are no longer finite.
    """
    began = time.perf_counter()
    for rows in batches:
        step, lr = state.step + 1, lr_of(state.step + 1)
        nats_by_source, grad_norm = train_step(model, weights, rows.micro_batches, lr)
        targets_by_source = np.sum([batch.targets_by_source for batch in rows.micro_batches], axis=0)
        n_tokens = sum(batch.n_tokens for batch in rows.micro_batches)
        state = RunState(step, state.tokens + n_tokens)
        loss = float(nats_by_source.sum()) / max(1, int(targets_by_source.sum()))
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            raise TrainError(
                f"step {step}, rows {rows.start} to {rows.stop - 1} of the mix: loss {loss}, gradient norm {grad_norm}; the weights of this step "
                "are not saved. Lower optimizer.lr, or look at these rows"
            )
        report = StepReport(state, loss, nats_by_source, targets_by_source, lr, grad_norm, n_tokens, time.perf_counter() - began)
        if not after_step(report):
            break
        began = time.perf_counter()
    return state


def train_step(model: CausalModel, weights: MasterWeights, micro_batches: Sequence[Batch], lr: float) -> tuple[np.ndarray, float]:
    """One optimizer step; the loss of every target weighs the same, however it is cut into micro-batches.

    Returns nats by source, (n_sources,) float64, and the L2 norm of the gradients. Waits for the device once, at its end.
    """
    device = model.head_weight.device
    n_targets = max(1, sum(batch.n_targets for batch in micro_batches))
    nats_by_source = torch.zeros(len(micro_batches[0].targets_by_source), dtype=torch.float64, device=device)
    for micro_batch in micro_batches:
        batch = micro_batch.to(device)
        loss = model.loss(batch)
        (loss.total / n_targets).backward()
        nats_by_source.index_add_(0, batch.sources.flatten(), loss.nats.double())
    grad_norm = weights.step(lr)
    *nats, norm = torch.cat([nats_by_source, grad_norm.double()[None]]).tolist()
    return np.array(nats), norm
