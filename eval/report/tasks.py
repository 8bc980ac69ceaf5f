"""The report's section on tasks: what it says of tasks.json, and its figure."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from eval.report.words import join
from eval.tasks.tables import delta_words, metric_name, value_words
from shards.page import INK, draw

Json = dict[str, Any]
BITS = "bits_per_byte"
WORDS = {"better": "better", "worse": "worse", "undetectable": "no detectable change", "too few": "too few items", "lossy": "text was lost"}


def tasks_content(record: Json) -> Json:
    """The section: a sentence for each model, and a row for each task, metric and model, with its difference from the baseline if it has one."""
    baseline = record["baseline"]
    against = {(row["model"], row["task"], row["metric"]): row for row in record["differences"] if row["against"] == baseline}
    place = {row["task"]: index for index, row in enumerate(record.get("order", []))}  # tasks that tell the models apart best come first
    tasks, metrics = (list(dict.fromkeys(score[key] for score in record["scores"])) for key in ("task", "metric"))
    scores = sorted(record["scores"], key=lambda score: (place.get(score["task"], 0), tasks.index(score["task"]), metrics.index(score["metric"])))
    rows = [_row(score, record, against.get((score["model"], score["task"], score["metric"]))) for score in scores]
    recipes = [_compared(row) for row in record["differences"] if row["of"] == "recipe"]
    names = [name for name in [*record["models"], *record["recipes"]] if name != baseline]
    return {
        "baseline": baseline,
        "sentences": [sentence for name in names if (sentence := _sentence(name, record))],
        "bits": [row for row in rows if row["metric"] == BITS],
        "accuracies": [row for row in rows if row["metric"] != BITS],
        "recipes": recipes,
        "tasks": [{"name": name, **facts} for name, facts in record["tasks"].items()],
        "forest": [
            row
            for row in sorted(record["differences"], key=lambda row: place.get(row["task"], 0))
            if row["against"] == baseline and row["metric"] == BITS and row["of"] == "checkpoint"
        ],
        "policy": record["policy"],
        "n_verdicts": sum(row["verdict"] != "lossy" for row in record["differences"]),
    }


def _row(score: Json, record: Json, difference: Json | None) -> Json:
    metric, task = score["metric"], record["tasks"][score["task"]]
    chance = value_words(metric, task["chance"]) if task["chance"] is not None and metric in ("acc", "acc_norm") else ""
    words = {
        "value_words": value_words(metric, score["value"]),
        "interval_words": _interval(metric, score),
        "metric_words": metric_name(metric),
        "chance": chance,
    }
    change = "" if score["smallest_change"] is None else value_words(metric, score["smallest_change"])
    return score | words | {"change_words": change, "difference": difference and _compared(difference)}


def _compared(row: Json) -> Json:
    metric, verdict = row["metric"], row["verdict"]
    low, high = (delta_words(metric, row[name]) for name in ("low", "high"))
    words = {"delta_words": delta_words(metric, row["delta"]), "interval_words": "unbounded" if row["low"] is None else f"{low} to {high}"}
    tone = {"better": "good", "worse": "bad"}.get(verdict, "plain")
    note = "this checkpoint" if row["of"] == "checkpoint" else "the recipe"
    words["detectable_words"] = "–" if row["minimum_detectable"] is None else value_words(metric, row["minimum_detectable"])
    return row | words | {"word": WORDS[verdict], "tone": tone, "note": note, "metric_words": metric_name(metric)}


def _interval(metric: str, row: Json) -> str:
    return "unbounded" if row["low"] is None else f"{value_words(metric, row['low'])} to {value_words(metric, row['high'])}"


def _sentence(name: str, record: Json) -> str:
    """`law, against base: fewer bits for the right answers of arc and piqa, more for boolq; accuracy no detectable change in 3 of 3 tasks.`"""
    mine = [row for row in record["differences"] if row["model"] == name and row["against"] == record["baseline"]]
    if not mine:
        return ""
    bits = _by_verdict([row for row in mine if row["metric"] == BITS])
    accuracy = _by_verdict([row for row in mine if row["metric"] != BITS])
    return f"{name}, against {record['baseline']}: bits of the right answers {_parts(bits)}; accuracy {_parts(accuracy)}."


def _by_verdict(rows: list[Json]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["verdict"], []).append(row["task"])
    return found


def _parts(found: dict[str, list[str]]) -> str:
    named = [f"{verdict} on {join(found[verdict])}" for verdict in ("better", "worse") if verdict in found]
    total = sum(len(tasks) for tasks in found.values())
    return join(
        [*named, *(f"{WORDS[verdict]} on {len(found[verdict])} of {total} tasks" for verdict in ("undetectable", "too few", "lossy") if verdict in found)]
    )


def plots(content: Json, colors: Any) -> Json:
    """The section's figure: differences in bits per byte of the right answer by task, with 95% intervals, one mark a model; "" if there are none."""
    rows = [row for row in content["tasks"]["forest"] if row["low"] is not None]
    if not rows:
        return {"tasks": ""}
    names = list(dict.fromkeys(row["task"] for row in rows))
    models = list(dict.fromkeys(row["model"] for row in rows))
    figure = draw(
        "differences in bits per byte by task",
        (8.6, 1.0 + 0.2 * len(names) * (len(models) + 1)),
        lambda figure: _paint(figure.subplots(), rows, names, models, colors.models),
        description="Difference from the baseline in bits per byte of the right answer, by task and model, with 95% intervals; left of zero is better.",
    )
    return {"tasks": figure}


def _paint(axes: Axes, rows: list[Json], tasks: list[str], models: list[str], colors: Mapping[str, str]) -> None:
    axes.axvline(0, color=INK, linewidth=1)
    for row in rows:
        place = tasks.index(row["task"]) + (models.index(row["model"]) + 1) / (len(models) + 1) - 0.5
        marker = "osD^v"[models.index(row["model"]) % 5]
        axes.plot([row["low"], row["high"]], [place, place], color=colors[row["model"]], linewidth=1.6)
        axes.plot(row["delta"], place, marker, color=colors[row["model"]], markersize=5)
    axes.set_yticks(range(len(tasks)), [task if len(task) <= 22 else task[:21] + "…" for task in tasks])
    axes.set_ylim(len(tasks) - 0.5, -0.5)
    axes.grid(True, axis="x")
    axes.set_xlabel("difference, bits per byte")
