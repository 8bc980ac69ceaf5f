"""Curves of a training run, smoothed and thinned to what a page can show."""

import math
from typing import Any

import numpy as np

SMOOTHING_SHARE = 0.05
"""Width of the running mean as a share of the run."""
MAX_POINTS = 400


def run_curves(name: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Losses by source (nats per target), raw and smoothed; learning rate; and bits per byte if the run was evaluated during training.

    Every curve is {"step": [...], values...} with at most MAX_POINTS points, evenly spread over the run.
    """
    sources = sorted({source for step in steps for source in step["loss_by_source"]})
    losses = {source: _curve([(step["step"], step["loss_by_source"].get(source)) for step in steps]) for source in sources}
    domains = sorted({domain for step in steps for domain in step.get("bits_per_byte", {})})
    evaluated = {domain: [(step["step"], step["bits_per_byte"][domain]) for step in steps if domain in step.get("bits_per_byte", {})] for domain in domains}
    speeds = [step["tokens_per_second"] for step in steps if "tokens_per_second" in step]
    chosen = _chosen(len(steps))
    return {
        "name": name,
        "steps": steps[-1]["step"],
        "tokens": steps[-1]["tokens"],
        "tokens_per_second": float(np.median(speeds)) if speeds else None,
        "loss_by_source": losses,
        "learning_rate": {"step": [steps[index]["step"] for index in chosen], "lr": [steps[index]["lr"] for index in chosen]},
        "bits_per_byte": {domain: {"step": [step for step, _ in points], "value": [value for _, value in points]} for domain, points in evaluated.items()},
    }


def _curve(points: list[tuple[int, float | None]]) -> dict[str, list[Any]]:
    known = [(step, value) for step, value in points if value is not None and math.isfinite(value)]
    steps, values = [step for step, _ in known], np.array([value for _, value in known], dtype=np.float64)
    smooth = running_mean(values, max(round(SMOOTHING_SHARE * len(values)), 1))
    chosen = _chosen(len(values))
    return {
        "step": [steps[index] for index in chosen],
        "raw": [round(float(values[index]), 5) for index in chosen],
        "smooth": [round(float(smooth[index]), 5) for index in chosen],
    }


def running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over a window of about `width` values centred on each of `values (n,)`; windows are truncated at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    indices = np.arange(len(values))
    begin, end = np.maximum(indices - width // 2, 0), np.minimum(indices + width // 2 + 1, len(values))
    return (sums[end] - sums[begin]) / (end - begin)


def _chosen(n: int) -> list[int]:
    return np.unique(np.linspace(0, n - 1, min(n, MAX_POINTS)).round().astype(int)).tolist()
