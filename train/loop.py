"""The training loop: take the next batch, sum the loss over its targets, divide by their number, step, report."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from train.batch import MicroBatch
from train.devices.world import World
from train.errors import TrainError
from train.model import CausalModel
from train.optimize.weights import TrainedWeights


@dataclass(frozen=True)
class RunState:
    """Progress of a run: optimizer steps done and real (non-padding) tokens seen."""

    step: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class StepRows:
    """Rows `[start, stop)` of the run, which make one optimizer step; `micro_batches` hold this process's share of them, in order."""

    start: int
    stop: int
    micro_batches: Sequence[MicroBatch]


@dataclass(frozen=True)
class StepReport:
    """Result of one step over all processes. `loss` is nats per target; `seconds` is its duration, including the wait for its batch."""

    state: RunState
    loss: float
    nats_by_source: np.ndarray  # (n_sources,) float64
    targets_by_source: np.ndarray  # (n_sources,) int64
    lr: float
    grad_norm: float
    skipped: bool
    n_tokens: int
    seconds: float
    stop_asked: bool
    rows: StepRows
    parts: dict[str, float] = field(default_factory=dict)  # terms beside `loss`: of the objective per target (z-loss …), penalties on the weights


def train(
    model: CausalModel,
    weights: TrainedWeights,
    batches: Iterable[StepRows],
    lr_of: Callable[[int], float],
    state: RunState,
    after_step: Callable[[StepReport], bool],
    world: World,
    stop: Callable[[], bool] = lambda: False,
    before_update: Callable[[int], Mapping[str, Tensor]] = lambda step: {},
) -> RunState:
    """Take one optimizer step per element of `batches`, until they end or `after_step` returns False.

    `lr_of` gives the learning rate of a step counted from 1. `stop` says whether this process was asked to end; the report carries the answer to every
    process. `before_update` is called with the step's number once its gradients are complete; it may change them, and returns further parts of the report
    as scalars on the device, the same on every process. Raises TrainError that names the rows if the loss or the
    gradients are no longer finite.
    """
    began = time.perf_counter()
    for rows in batches:
        step, lr = state.step + 1, lr_of(state.step + 1)
        sums, nats_by_micro_batch = train_step(model, weights, rows.micro_batches, lr, world, stop, partial(before_update, step))
        state = RunState(step, state.tokens + sums.n_tokens)
        if not (np.isfinite(sums.loss) and np.isfinite(sums.grad_norm)):
            raise TrainError(not_finite(step, sums, rows, nats_by_micro_batch, world))
        report = StepReport(
            state, sums.loss, sums.nats_by_source, sums.targets_by_source, lr, sums.grad_norm, sums.skipped, sums.n_tokens,
            time.perf_counter() - began, sums.stop_asked, rows, sums.parts,
        )  # fmt: skip
        if not after_step(report):
            break
        began = time.perf_counter()
    return state


@dataclass(frozen=True)
class StepSums:
    """Sums of one step over all processes."""

    nats_by_source: np.ndarray  # (n_sources,) float64
    targets_by_source: np.ndarray  # (n_sources,) int64
    n_tokens: int
    grad_norm: float
    skipped: bool
    stop_asked: bool
    parts: dict[str, float]  # terms of the objective per target, and penalties on the weights

    @property
    def loss(self) -> float:
        """Nats per target; 0 without targets."""
        return float(self.nats_by_source.sum()) / max(1, int(self.targets_by_source.sum()))


def train_step(
    model: CausalModel,
    weights: TrainedWeights,
    micro_batches: Sequence[MicroBatch],
    lr: float,
    world: World,
    stop: Callable[[], bool] = lambda: False,
    before_update: Callable[[], Mapping[str, Tensor]] = dict,
) -> tuple[StepSums, list[Tensor]]:
    """One optimizer step; every target has the same weight, however the batch is split into processes and micro-batches.

    Also returns the nats of each token, one (n * L,) tensor per micro-batch of this process. Waits for the device once, at the end.
    """
    device = model.device
    counts = world.sum(_counts(micro_batches).to(device, non_blocking=True))
    n_sources = len(counts) - 1
    n_targets = counts[:-1].sum().clamp_min(1)
    part_names = model.part_names
    sums = torch.zeros(n_sources + len(part_names) + 1, dtype=torch.float64, device=device)  # nats by source, parts, processes asked to stop
    nats_by_micro_batch = []
    for micro_batch in micro_batches:
        batch = micro_batch.to(device)
        model.begin_micro_batch(is_last=micro_batch is micro_batches[-1])
        loss = model.loss(batch)
        (loss.total * (world.size / n_targets)).backward()  # sharded gradients are averaged over the processes
        sums.index_add_(0, batch.sources.flatten(), loss.nats.double())
        for index, name in enumerate(part_names, n_sources):
            sums[index] += loss.parts[name]
        nats_by_micro_batch.append(loss.nats)
    sums[-1] = float(stop())
    world.sum(sums)
    penalties = before_update()
    result = weights.step(lr, sums[:n_sources].sum() / n_targets)
    sums[n_sources:-1] /= n_targets
    scalars = torch.stack([result.grad_norm.double(), result.skipped.double(), *penalties.values()])
    host = torch.cat([sums, counts, scalars]).cpu().numpy()
    nats, parts, (stops,), targets, (n_tokens, norm, skipped, *values) = np.split(host, np.cumsum([n_sources, len(part_names), 1, n_sources]))
    by_part = dict(zip((*part_names, *penalties), map(float, (*parts, *values)), strict=True))
    return StepSums(nats, targets.astype(np.int64), int(n_tokens), float(norm), bool(skipped), bool(stops), by_part), nats_by_micro_batch


def _counts(micro_batches: Sequence[MicroBatch]) -> Tensor:
    """(n_sources + 1,) float64: this process's number of targets by source, then its real tokens."""
    targets = np.sum([batch.targets_by_source for batch in micro_batches], axis=0)
    return torch.tensor([*targets, sum(batch.n_tokens for batch in micro_batches)], dtype=torch.float64)


def not_finite(step: int, sums: StepSums, rows: StepRows, nats_by_micro_batch: Sequence[Tensor], world: World) -> str:
    """Error message for a non-finite loss or gradient: names this process's rows with a non-finite loss, or the whole batch if there is none."""
    by_row = [nats.view(batch.input_ids.shape).sum(dim=1) for nats, batch in zip(nats_by_micro_batch, rows.micro_batches, strict=True)]
    bad = np.flatnonzero(~torch.cat(by_row).isfinite().cpu().numpy())
    names = ", ".join(str(rows.start + world.rank + world.size * int(index)) for index in bad[:8]) + (" …" if len(bad) > 8 else "")
    where = f"row {names}" if len(bad) == 1 else f"rows {names}" if len(bad) else f"rows {rows.start} to {rows.stop - 1}"
    return (
        f"step {step}, {where} of the mix: loss {sums.loss}, gradient norm {sums.grad_norm}; the weights of this step are not saved. "
        "Lower optimizer.lr, or inspect these rows (mix inspect MIX --row N)"
    )
