"""From the summaries of single checkpoints to curves over steps; all verdicts of the curves are corrected together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from eval.statistics.interval import CONFIDENCE
from eval.statistics.multiple import holm
from eval.watch.checkpoints import Checkpoint

Json = dict[str, Any]

_KEYS = ("delta", "low", "high", "standard_error", "minimum_detectable", "p_value", "documents", "items", "clusters", "effective", "verdict")
_Entry = tuple[tuple[str, str, str], str | None, float, Json, float]
"""Key of a curve (kind, name, metric), role, the base model's value, the row of differences, the checkpoint's value."""
_NO_TEST = ("lossy", "too few")


class ScoredStep(NamedTuple):
    """A checkpoint with its summary of `evaluate run`, its record of `evaluate tasks`, or both."""

    checkpoint: Checkpoint
    model: str
    summary: Json | None
    tasks: Json | None


def curves_of(steps: Sequence[ScoredStep]) -> list[Json]:
    """A curve for each domain in bits per byte, and for each task and metric that gets verdicts; points in order of steps."""
    curves: dict[tuple[str, str, str], Json] = {}
    for step in sorted(steps, key=lambda step: step.checkpoint.step):
        for key, role, base, row, value in [*_of_domains(step), *_of_tasks(step)]:
            curve = curves.setdefault(key, {"kind": key[0], "name": key[1], "metric": key[2], "role": role, "base": base, "points": []})
            point = {"step": step.checkpoint.step, "tokens": step.checkpoint.tokens, "value": value, "of": "checkpoint"}
            curve["points"].append(point | {name: row.get(name) for name in _KEYS if name in row or name == "p_value"})
    _judge_together(list(curves.values()))
    return list(curves.values())


def _of_domains(step: ScoredStep) -> list[_Entry]:
    if step.summary is None:
        return []
    summary = step.summary
    bits = {(row["model"], row["domain"]): row["bits_per_byte"] for row in summary["scores"]}
    found: list[_Entry] = []
    for row in summary["differences"]:
        if (row["model"], row["against"]) == (step.model, summary["baseline"]) and row.get("of", "checkpoint") == "checkpoint":
            domain = row["domain"]
            base, value = bits[summary["baseline"], domain], bits[step.model, domain]
            found.append((("domain", domain, "bits_per_byte"), summary["domains"][domain]["role"], base, row, value))
    return found


def _of_tasks(step: ScoredStep) -> list[_Entry]:
    if step.tasks is None:
        return []
    record = step.tasks
    values = {(row["model"], row["task"], row["metric"]): row["value"] for row in record["scores"]}
    found: list[_Entry] = []
    for row in record["differences"]:
        if (row["model"], row["against"], row["of"]) == (step.model, record["baseline"], "checkpoint"):
            task, metric = row["task"], row["metric"]
            base, value = values[record["baseline"], task, metric], values[step.model, task, metric]
            found.append((("task", task, metric), None, base, row, value))
    return found


def n_verdicts(curves: Sequence[Json]) -> int:
    """Number of verdicts that were corrected together."""
    return sum(point["adjusted_p"] is not None for curve in curves for point in curve["points"])


def _judge_together(curves: list[Json]) -> None:
    """Holm's correction over the points of all curves, and the verdicts that follow."""
    tested = [(curve, point) for curve in curves for point in curve["points"] if point["verdict"] not in _NO_TEST and point["p_value"] is not None]
    for curve in curves:
        for point in curve["points"]:
            point["adjusted_p"] = None
    for (curve, point), p in zip(tested, holm([point["p_value"] for _, point in tested]), strict=True):
        lower_is_better = curve["metric"] == "bits_per_byte"
        is_better = (point["delta"] < 0) == lower_is_better
        point |= {"adjusted_p": p, "verdict": "undetectable" if p >= 1 - CONFIDENCE else "better" if is_better else "worse"}
