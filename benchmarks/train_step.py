"""A training step: ours, with documents masked, against Hugging Face's Trainer on the same rows.

    python -m benchmarks.train_step [--model FOLDER] [--mix FOLDER] [--steps N] [--batch-rows N] [--micro-batch-rows N …]
                                    [--attention auto|varlen|flex|sdpa] [--compile | --no-compile] [--deterministic | --no-deterministic]
                                    [--activation-checkpointing none|selective|full] [--no-peer]

Ours is the program that `train` runs: its model, self-check, compilation (by default on CUDA), weights, micro-batches and steps. Both sides have the
same weights, rows, precision, AdamW and accumulation. The peer is Trainer with transformers' sdpa attention, plain causal over each packed row, because
that is what its pre-training recipes do; so it computes more attention than ours and lets documents see each other. Our losses with the masks off are
compared with its, step by step. Each side is reported at the size of micro-batch that suits it best.

Without arguments a Llama with random weights and rows packed from documents as long as web articles are used: 3.6 million parameters in float32 on one
core of a CPU; on CUDA the shape of Llama 3.2 1B in bfloat16, rows of 4,096 tokens. Beside tokens per second there are the shares of the peak and of the
speed of a large matrix product measured in the same run (MFU, in both conventions of `train.plan.flops`), the share of the step that losses by source
take, and where the time of a step goes.
"""

import argparse
import gc
import itertools
import logging
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from benchmarks.harness import device_clock, print_result, use_one_core
from benchmarks.train_peer import peer_run
from benchmarks.train_profile import Marked, where_time_goes
from benchmarks.train_rows import CPU_SHAPE, CUDA_SHAPE, Steps, cut, random_model, read_steps
from train.batch import Extent, MicroBatch, make_batches
from train.devices.determinism import deterministic_algorithms
from train.devices.world import World
from train.loop import RunState, StepReport, StepRows, train, train_step
from train.model import DTYPES, CausalModel, quiet_transformers
from train.optimize.recipe import OptimizerRecipe
from train.optimize.weights import TrainedWeights
from train.plan.flops import model_flops
from train.plan.gpus import gpu_of_device
from train.recipe import TrainRecipe
from train.run import configure_torch
from train.session import check_and_compile, make_model

SETTINGS = OptimizerRecipe(lr=3e-4)
CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")
PRECISION: Literal["bf16", "fp32"] = "bf16" if CUDA else "fp32"
ROW_TOKENS = 4096 if CUDA else 512
N_WARM_UP = 4 if CUDA else 2  # steps that are not timed: compilation, allocation, choice of kernels


@dataclass(frozen=True)
class Measured:
    """Losses of all steps, and the median seconds of those after warm-up."""

    losses: list[float]
    seconds: float


def main() -> None:
    """Print tokens per second of each; the last line is one JSON object."""
    options = arguments().parse_args()
    quiet_transformers()
    if not CUDA:
        use_one_core()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or random_model(Path(folder) / "model", CUDA_SHAPE if CUDA else CPU_SHAPE)
        n_vocab = (CUDA_SHAPE if CUDA else CPU_SHAPE)["vocab_size"]
        steps = read_steps(options.mix, options.steps, options.batch_rows, ROW_TOKENS, n_vocab)
        result = compare(options, model, steps, Path(folder))
    print_result(result | {"device": torch.cuda.get_device_name() if CUDA else "CPU, one core", "torch": torch.__version__})


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--mix", type=Path)
    parser.add_argument("--steps", type=int, default=14 if CUDA else 6)
    parser.add_argument("--batch-rows", type=int, default=32 if CUDA else 4)
    parser.add_argument("--micro-batch-rows", type=int, nargs="+", default=[2, 4, 8] if CUDA else [2])
    parser.add_argument("--attention", choices=["auto", "varlen", "flex", "sdpa"], default="auto")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default="auto")
    parser.add_argument("--deterministic", action=argparse.BooleanOptionalAction, default=TrainRecipe.model_fields["deterministic"].default)
    parser.add_argument("--activation-checkpointing", choices=["none", "selective", "full"], default="none")
    parser.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True, help="also run Trainer")
    return parser


def compare(options: argparse.Namespace, model: Path, steps: Steps, scratch: Path) -> dict[str, Any]:
    """Both sides at each size of micro-batch, and what is told of the best of ours."""
    timed = steps[N_WARM_UP:]
    n_tokens = sum(int(rows.n_tokens.sum()) for rows in timed) / len(timed)
    ours_by_size, peer_by_size = {}, {}
    for n_rows in options.micro_batch_rows:
        ours_by_size[n_rows] = attempt(lambda n=n_rows: our_run(options, model, steps, n, document_mask=True))
        peer_by_size[n_rows] = attempt(lambda n=n_rows: measured(*peer_run(model, steps, n, SETTINGS, scratch))) if options.peer else None
        speeds = [f"{n_tokens / runs[n_rows].seconds:,.0f} tokens/s" if runs[n_rows] else "not run" for runs in (ours_by_size, peer_by_size)]
        print(f"micro-batches of {n_rows} rows: ours {speeds[0]}, Trainer {speeds[1]}", flush=True)
    best, ours = fastest(ours_by_size)
    unmasked = our_run(options, model, steps, best, document_mask=False)
    found = {"tokens_per_second": n_tokens / ours.seconds, "tokens_per_second_without_mask": n_tokens / unmasked.seconds, "micro_batch_rows": best}
    found |= look_closer(options, model, steps, best, ours.seconds)
    if not options.peer:
        return {"ours": found, "peer": {}, "ratio": None, "agreement": {}}
    peer_best, peer = fastest(peer_by_size)
    difference = max(abs(one - other) for one, other in zip(unmasked.losses, peer.losses, strict=True))
    return {
        "ours": found,
        "peer": {"tokens_per_second": n_tokens / peer.seconds, "micro_batch_rows": peer_best},
        "ratio": peer.seconds / ours.seconds,
        "agreement": {"largest_loss_difference_nats": difference, "steps": len(peer.losses)},
    }


def attempt(run: Callable[[], Measured]) -> Measured | None:
    """What `run` gives, None if memory does not suffice; gives back what it held."""
    try:
        return run()
    except torch.OutOfMemoryError as error:
        logging.warning("%s", str(error).splitlines()[0])
        return None
    finally:
        gc.collect()
        if CUDA:
            torch.cuda.empty_cache()


def fastest(by_size: dict[int, Measured | None]) -> tuple[int, Measured]:
    """Rows of a micro-batch and figures of the fastest run."""
    runs = {n_rows: run for n_rows, run in by_size.items() if run is not None}
    if not runs:
        raise SystemExit("no size of micro-batch fits into memory; give smaller ones with --micro-batch-rows")
    best = min(runs, key=lambda n_rows: runs[n_rows].seconds)
    return best, runs[best]


def our_run(options: argparse.Namespace, folder: Path, steps: Steps, micro_rows: int, *, document_mask: bool) -> Measured:
    """Train on all steps."""
    losses: list[float] = []
    ends = [device_clock()]

    def after_step(report: StepReport) -> bool:
        losses.append(report.loss)
        ends.append(device_clock())
        return True

    made = []
    for rows, batches in zip(steps, micro_batches(steps, micro_rows, document_mask=document_mask), strict=True):
        made.append(StepRows(0, len(rows.n_tokens), batches))
    with ready(options, folder, micro_rows) as (model, weights):
        train(model, weights, made, lambda step: SETTINGS.lr, RunState(), after_step, World(DEVICE))
    return measured(losses, ends)


@contextmanager
def ready(options: argparse.Namespace, folder: Path, micro_rows: int) -> Iterator[tuple[CausalModel, TrainedWeights]]:
    """Model and weights as a run of `train` on one device has them at its first step; torch's settings as in that run."""
    recipe = TrainRecipe(
        name="benchmark", model=str(folder), mix=str(options.mix), micro_batch_rows=micro_rows, precision=PRECISION, attention=options.attention,
        compile=options.compile, activation_checkpointing=options.activation_checkpointing, deterministic=options.deterministic,
        threads=None if CUDA else 1, optimizer=SETTINGS,
    )  # fmt: skip
    configure_torch(recipe)
    with deterministic_algorithms(recipe.deterministic):
        model, _ = make_model(recipe, folder, World(DEVICE))
        weights = TrainedWeights(model.network, DTYPES[PRECISION], SETTINGS)
        check_and_compile(model, weights, recipe, ROW_TOKENS)
        yield model, weights


def micro_batches(steps: Steps, micro_rows: int, *, document_mask: bool = True) -> list[list[MicroBatch]]:
    """Micro-batches of each step, made one step after another as in a run."""
    extent, made = Extent(), []
    for rows in steps:
        batches, extent = make_batches(cut(rows, micro_rows), int(rows.seg_sources.max()) + 1, extent, document_mask=document_mask)
        made.append(batches)
    return made


def measured(losses: list[float], ends: list[float]) -> Measured:
    """From the clock at the start and after each step."""
    return Measured(losses, statistics.median(later - earlier for earlier, later in itertools.pairwise(ends[N_WARM_UP:])))


def look_closer(options: argparse.Namespace, folder: Path, steps: Steps, micro_rows: int, seconds: float) -> dict[str, Any]:
    """MFU, the share of the step that losses by source take, and where its time goes."""
    batches = micro_batches(steps[-1:], micro_rows)[0]
    with ready(options, folder, micro_rows) as (model, weights):
        model.objective = Marked(model.objective)
        for _ in range(N_WARM_UP):
            train_step(model, weights, batches, SETTINGS.lr, World(DEVICE))
        shares = where_time_goes(lambda: train_step(model, weights, batches, SETTINGS.lr, World(DEVICE)))
    for kind, share in shares.items():
        print(f"{share:6.1%}  {kind}")
    lengths = [np.asarray(rows.seg_lengths) for rows in steps[N_WARM_UP:]]
    flops = model_flops(model.network)
    full = flops.full(sum(int(each.sum()) for each in lengths), ROW_TOKENS) / len(lengths) / seconds
    causal = flops.causal(np.concatenate(lengths)) / len(lengths) / seconds
    ceiling = matmul_flops()
    gpu = gpu_of_device(torch.cuda.get_device_name()) if CUDA else None
    found: dict[str, Any] = {"full_tflops": full / 1e12, "causal_tflops": causal / 1e12, "matmul_tflops": ceiling / 1e12}
    found |= {"full_share_of_matmul": full / ceiling, "causal_share_of_matmul": causal / ceiling}
    if gpu is not None:
        found |= {"mfu": full / gpu.bf16_tflops / 1e12, "mfu_causal": causal / gpu.bf16_tflops / 1e12}
    return found | {"losses_by_source_share": by_source_seconds(batches) / seconds, "time": shares}


def matmul_flops() -> float:
    """FLOP/s of a large square matrix product in the precision of the run."""
    size, n_products = (8192, 50) if CUDA else (1024, 8)
    left, right = (torch.randn(size, size, device=DEVICE, dtype=DTYPES[PRECISION]) for _ in range(2))
    for _ in range(3):
        left @ right
    start = device_clock()
    for _ in range(n_products):
        left @ right
    return 2 * size**3 * n_products / (device_clock() - start)


def by_source_seconds(batches: list[MicroBatch]) -> float:
    """Seconds a step that the loop's addition of losses by source takes."""
    on_device = [batch.to(DEVICE) for batch in batches]
    nats = [torch.rand(batch.targets.numel(), device=DEVICE) for batch in on_device]
    sums = torch.zeros(16, dtype=torch.float64, device=DEVICE)
    n_times = 20
    start = device_clock()
    for _ in range(n_times):
        for batch, values in zip(on_device, nats, strict=True):
            sums.index_add_(0, batch.sources.flatten(), values.double())
    return (device_clock() - start) / n_times


if __name__ == "__main__":
    main()
