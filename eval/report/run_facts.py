"""How runs were trained and what they cost: settings and hardware from run.json, tokens and seconds from metrics.jsonl."""

from collections.abc import Callable, Mapping

from eval.report.read import Json
from eval.report.record import TrainedRecord


def setting_rows(records: Mapping[str, Json]) -> list[Json]:
    """One row per setting that any run records: its `name`, and `values` by run (text, "" where unknown)."""
    runs = {name: TrainedRecord.model_validate(record) for name, record in records.items()}
    table = {name: {run: read(record) for run, record in runs.items()} for name, read in _SETTINGS.items()}
    return [{"name": name, "values": values} for name, values in table.items() if any(values.values())]


def cost_rows(records: Mapping[str, Json], runs: Mapping[str, list[Json]]) -> list[Json]:
    """One row per run: tokens, seconds, GPU hours (None on CPUs), and targets and seconds by source. Unknown figures are None.

    Seconds are those of the steps, without evaluations and saving; those of a source are its share of the targets.
    """
    rows = []
    for name, steps in runs.items():
        record = TrainedRecord.model_validate(records.get(name, {}))
        seconds = _seconds(steps)
        seen: dict[str, int] = {}
        for step in steps:
            for source, n_targets in step["tokens_by_source"].items():
                seen[source] = seen.get(source, 0) + n_targets
        total = max(sum(seen.values()), 1)
        sources = [{"source": source, "targets": n, "seconds": None if seconds is None else seconds * n / total} for source, n in seen.items()]
        gpu_hours = seconds * record.processes / 3600 if seconds is not None and record.device == "cuda" else None
        row = {"model": name, "tokens": steps[-1]["tokens"], "steps": steps[-1]["step"], "seconds": seconds, "gpu_hours": gpu_hours}
        rows.append(row | {"device": _device(record), "sources": sources})
    return rows


def _seconds(steps: list[Json]) -> float | None:
    total, before = 0.0, 0
    for step in steps:
        if not step.get("tokens_per_second"):
            return None
        total += (step["tokens"] - before) / step["tokens_per_second"]
        before = step["tokens"]
    return total


def _batch(record: TrainedRecord) -> str:
    if record.recipe is None:
        return ""
    rows = record.recipe.batch_rows
    counts = f"{rows:,}" if isinstance(rows, int) else ", ".join(f"{n:,} in {stage}" for stage, n in rows.items())
    return f"{counts} rows" + ("" if record.row_tokens is None else f" of {record.row_tokens:,} tokens")


def _optimizer(record: TrainedRecord) -> str:
    if record.recipe is None:
        return ""
    optimizer = record.recipe.optimizer
    clip = "no clipping" if optimizer.clip is None else f"clip {optimizer.clip:g}"
    return f"{optimizer.kind}, betas {optimizer.betas[0]:g} and {optimizer.betas[1]:g}, weight decay {optimizer.weight_decay:g}, {clip}"


def _schedule(record: TrainedRecord) -> str:
    if record.recipe is None:
        return ""
    schedule = record.recipe.schedule
    warmup = f"{schedule.warmup_share:.0%} of the steps" if schedule.warmup_steps is None else f"{schedule.warmup_steps:,} steps"
    decay = f", decay over the last {schedule.decay_share:.0%}" if schedule.kind == "wsd" else ""
    return f"{schedule.preset or schedule.kind}, warm-up {warmup}{decay}"


def _device(record: TrainedRecord) -> str:
    name = record.device_name or record.device or ""
    return f"{record.processes} × {name}" if record.processes > 1 else name


def _mask(record: TrainedRecord) -> str:
    if record.recipe is None:
        return ""
    return "within documents" if record.recipe.document_mask else "across documents"


_SETTINGS: dict[str, Callable[[TrainedRecord], str]] = {
    "parameters": lambda record: "" if record.n_parameters is None else f"{record.n_parameters:,}",
    "steps": lambda record: "" if record.steps is None else f"{record.steps:,}",
    "batch": _batch,
    "peak learning rate": lambda record: "" if record.recipe is None else f"{record.recipe.optimizer.lr:g}",
    "schedule": _schedule,
    "optimizer": _optimizer,
    "precision": lambda record: "" if record.recipe is None else record.recipe.precision,
    "attention": _mask,
    "seed": lambda record: "" if record.recipe is None else str(record.recipe.seed),
    "hardware": _device,
}
