"""tasks.json as rows of text, for the terminal."""

from typing import Any

from eval.tables import Rows, signed

_SHOWN = {"bits_per_byte": "bits per byte of the answer", "acc": "accuracy", "acc_norm": "accuracy, normalised", "exact_match": "exact match"}


def metric_name(metric: str) -> str:
    """The name of a metric in words."""
    return _SHOWN[metric]


def value_words(metric: str, value: float) -> str:
    """1.2345 for bits, 41.3% for accuracies."""
    return f"{value:.4f}" if metric == "bits_per_byte" else f"{value:.1%}"


def delta_words(metric: str, value: float | None) -> str:
    """+0.0123 for bits, +1.3% (of all items) for accuracies."""
    return signed(value) if metric == "bits_per_byte" or value is None else f"{signed(100 * value, 1)}%"


def task_score_rows(content: dict[str, Any]) -> Rows:
    """Header and rows: each metric by task and model, with its interval and the smallest change that as many items show."""
    header = ["task", "metric", "model", "value", "95% interval", "by chance", "items", "sees changes from"]
    rows = []
    for row in _in_order(content, "scores"):
        task, metric = content["tasks"][row["task"]], row["metric"]
        chance = f"{task['chance']:.1%}" if metric in ("acc", "acc_norm") and task["chance"] is not None else ""
        bounds = "unbounded" if row["low"] is None else f"[{value_words(metric, row['low'])}, {value_words(metric, row['high'])}]"
        change = "unbounded" if row["smallest_change"] is None else value_words(metric, row["smallest_change"])
        items = f"{row['items']:,}" + (f" in {row['clusters']:,} groups" if row["clusters"] < row["items"] else "")
        items += f", {task['left_out']:,} left out" if task["left_out"] else ""
        rows.append([row["task"], metric_name(metric), row["model"], value_words(metric, row["value"]), bounds, chance, items, change])
    return header, rows


def _in_order(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Rows by task, those first that tell the models apart best."""
    place = {row["task"]: index for index, row in enumerate(content["order"])}
    return sorted(content[key], key=lambda row: place[row["task"]])


def task_difference_rows(content: dict[str, Any]) -> Rows:
    """Header and rows: differences with intervals and verdicts."""
    header = ["task", "metric", "model", "against", "difference", "95% interval", "detectable from", "of", "verdict"]
    rows = []
    for row in _in_order(content, "differences"):
        metric = row["metric"]
        bounds = "unbounded" if row["low"] is None else f"[{delta_words(metric, row['low'])}, {delta_words(metric, row['high'])}]"
        detectable = "unbounded" if row["minimum_detectable"] is None else value_words(metric, row["minimum_detectable"])
        of = "this checkpoint" if row["of"] == "checkpoint" else "the recipe"
        rows.append([row["task"], metric_name(metric), row["model"], row["against"], delta_words(metric, row["delta"]), bounds, detectable, of, row["verdict"]])
    return header, rows
