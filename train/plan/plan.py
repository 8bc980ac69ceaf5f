"""The plan of a run: everything known about it before it starts, as one JSON object."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mix.stream import open_mix
from train.devices.world import World
from train.errors import TrainError
from train.fit import check_fit, check_row_length, read_config
from train.model import config_folder
from train.optimize.schedule import lr_at
from train.plan.advice import most_rows, remedies, summary
from train.plan.gpus import GIB, Gpu, gpu_by_name, gpu_of_device
from train.plan.gradients import with_reduction
from train.plan.memory import Memory, MemoryPlanner, one_batch
from train.plan.rows import RunRows, rows_of_mix, rows_without_mix
from train.recipe import TrainRecipe
from train.run import check_recipe
from train.steps import Steps, steps_of
from train.watch.out_of_memory import device_bytes

_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Hardware:
    """The devices that a run is planned for. `tflops`: dense bfloat16 peak of one device, None if unknown; `price`: of one device hour, None if not
    given; `mfu`: expected share of the peak, in the full convention."""

    name: str
    n_devices: int
    memory_bytes: int
    tflops: float | None
    mfu: float
    price: float | None
    on_gpu: bool


def hardware(gpu: str | None, n_devices: int | None, mfu: float, price: float | None, memory_gib: float | None, tflops: float | None) -> Hardware:
    """The GPU with this name, once unless `n_devices` says more; without a name, this machine's CUDA devices, else its CPU. `memory_gib` and `tflops`
    override the table.

    Raises TrainError for a name that is not in the table, unless both are given.
    """
    if n_devices is None:
        n_devices = 1 if gpu is not None else max(1, torch.cuda.device_count())
    if n_devices < 1 or not 0 < mfu <= 1:
        raise TrainError(f"--gpus {n_devices} --mfu {mfu}: give at least one device, and a share of the peak above 0 and at most 1")
    if gpu is not None:
        known = Gpu(gpu, memory_gib, tflops, (), "given") if memory_gib and tflops else gpu_by_name(gpu)
        return Hardware(known.name, n_devices, round((memory_gib or known.memory_gib) * GIB), tflops or known.bf16_tflops, mfu, price, True)
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        listed = gpu_of_device(name)
        available = round(memory_gib * GIB) if memory_gib else device_bytes(torch.device("cuda"))
        return Hardware(name, n_devices, available, tflops or (listed.bf16_tflops if listed else None), mfu, price, True)
    return Hardware("this machine's CPU", n_devices, device_bytes(torch.device("cpu")), tflops, mfu, price, False)


def plan(recipe: TrainRecipe, on: Hardware, row_tokens: int | None = None, tokens: int | None = None) -> dict[str, Any]:
    """Plan a run. It needs no weights of the model, and no mix if `row_tokens` and `tokens` are given.

    Raises TrainError if the run would refuse to start: a model that does not fit the mix, too few rows.
    """
    base = config_folder(recipe.model)
    check_recipe(recipe, World(torch.device("cpu"), 0, on.n_devices))
    steps, rows = _rows(recipe, base, row_tokens, tokens)
    recipe = recipe if steps is None else steps.in_longest_rows(recipe)
    planner = MemoryPlanner(base, rows.row_tokens, on_gpu=on.on_gpu)
    memory = planner.memory(with_reduction(recipe, on.n_devices, on.memory_bytes, planner.memory), on.n_devices)
    flops = _flops(memory, rows)
    return {
        "name": recipe.name,
        "model": str(recipe.model),
        "parameters": dataclasses.asdict(memory.parameters),
        "rows": _row_figures(recipe, rows),
        "stages": [dataclasses.asdict(stage) for stage in rows.stages],
        "flops": flops,
        "hardware": dataclasses.asdict(on),
        "time": _time(flops["full"], on),
        "memory": _memory_figures(recipe, memory, on, planner),
        "learning_rate": _learning_rate(recipe, rows, steps),
    }


def refuse_what_does_not_fit(content: dict[str, Any]) -> None:
    """Raise TrainError, with changes that help, for a plan that needs more memory than the device has."""
    memory, device = content["memory"], content["hardware"]
    if memory["total"] > memory["available"]:
        raise TrainError(
            f"does not fit: {memory['total'] / GIB:.1f} GiB on each of {device['n_devices']} x {device['name']} "
            f"with {memory['available'] / GIB:.1f} GiB{memory['advice']}"
        )


def _rows(recipe: TrainRecipe, base: Path, row_tokens: int | None, tokens: int | None) -> tuple[Steps | None, RunRows]:
    if (row_tokens is None) != (tokens is None):
        raise TrainError("--row-tokens and --tokens: give both to plan without a mix, or neither")
    if row_tokens is not None and tokens is not None:
        check_row_length(base, read_config(base, recipe.rope), row_tokens, "the planned rows")
        if not isinstance(recipe.batch_rows, int):
            raise TrainError("batch_rows: without a mix there are no stages; give one number")
        return None, rows_without_mix(row_tokens, tokens, recipe.batch_rows, recipe.steps)
    mix = open_mix(recipe.mix, verify=False)
    check_fit(base, mix, recipe.rope)
    steps = steps_of(mix, recipe)
    return steps, rows_of_mix(mix, steps)


def _row_figures(recipe: TrainRecipe, rows: RunRows) -> dict[str, Any]:
    return {
        "row_tokens": rows.row_tokens,
        "rows": rows.n_rows,
        "steps": rows.n_steps,
        "tokens": rows.tokens,
        "last_step_rows": rows.last_rows,
        "step_rows": rows.step_rows,
        "tokens_per_step": rows.tokens // rows.n_steps if len(rows.by_length) > 1 else rows.tokens * rows.step_rows // rows.n_rows,
        "micro_batch_rows": recipe.micro_batch_rows,
        "padding": rows.padding,
        "documents_per_row": len(rows.document_tokens) / rows.sampled_rows,
        "median_document_tokens": int(np.median(rows.document_tokens)),
        "sampled_rows": rows.sampled_rows,
    }


def _flops(memory: Memory, rows: RunRows) -> dict[str, float]:
    """FLOPs per token and of the run, in both conventions."""
    full = sum(memory.flops.full(tokens, row_tokens) for row_tokens, _, tokens in rows.by_length)
    causal = memory.flops.causal(rows.document_tokens) / int(rows.document_tokens.sum())
    return {"full_per_token": full / rows.tokens, "causal_per_token": causal, "full": full, "causal": causal * rows.tokens}


def _time(flops: float, on: Hardware) -> dict[str, float | None]:
    if on.tflops is None:
        return {"hours": None, "device_hours": None, "cost": None}
    device_hours = flops / (on.tflops * 1e12 * on.mfu) / 3600
    return {"hours": device_hours / on.n_devices, "device_hours": device_hours, "cost": device_hours * on.price if on.price is not None else None}


def _memory_figures(recipe: TrainRecipe, memory: Memory, on: Hardware, planner: MemoryPlanner) -> dict[str, Any]:
    figures: dict[str, Any] = {"parts": memory.parts, "total": memory.total, "available": on.memory_bytes}
    if memory.total > on.memory_bytes:
        found = remedies(recipe, on.n_devices, on.memory_bytes, planner.memory)
        return figures | {"remedies": [dataclasses.asdict(remedy) for remedy in found], "advice": summary(found, on.n_devices)}
    most = min(most_rows(recipe, on.n_devices, on.memory_bytes, planner.memory), one_batch(recipe) // on.n_devices)
    return figures | {"largest_micro_batch_rows": most}


def _learning_rate(recipe: TrainRecipe, rows: RunRows, steps: Steps | None) -> dict[str, Any]:
    stages = [] if steps is None else steps.stage_ends()
    lr_of = partial(lr_at, n_steps=rows.n_steps, peak=recipe.optimizer.lr, schedule=recipe.schedule, stages=stages)
    shown = [round(1 + index * (rows.n_steps - 1) / 599) for index in range(600)] if rows.n_steps > 600 else range(1, rows.n_steps + 1)
    points = turning_points(lr_of, rows.n_steps, [stage.first_step for stage in rows.stages])
    return {"curve": sparkline([lr_of(step) for step in shown]), "points": {str(step): rate for step, rate in points.items()}}


def sparkline(values: Sequence[float], width: int = 60) -> str:
    """A bar chart as text: one character per value, or per mean of neighbours if there are more than `width`; the tallest bar is the largest value."""
    n_cells = min(width, len(values))
    bounds = [round(cell * len(values) / n_cells) for cell in range(n_cells + 1)] if n_cells else []
    cells = [sum(values[first:stop]) / (stop - first) for first, stop in pairwise(bounds)]
    top = max(cells, default=0.0)
    return "".join(_BARS[min(len(_BARS) - 1, int(len(_BARS) * cell / top)) if top > 0 else 0] for cell in cells)


def turning_points(lr_of: Callable[[int], float], n_steps: int, marks: Sequence[int] = ()) -> dict[int, float]:
    """Step (from 1) → learning rate, for the first and last step, the steps of `marks`, and the first and last step with the highest rate."""
    values = [lr_of(step) for step in range(1, n_steps + 1)]
    top = max(values)
    steps = {1, n_steps, values.index(top) + 1, n_steps - values[::-1].index(top), *(mark for mark in marks if 1 <= mark <= n_steps)}
    return {step: values[step - 1] for step in sorted(steps)}
