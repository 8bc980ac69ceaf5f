"""Scores over the steps of training: of checkpoints (`evaluate watch`) and of evaluations in training, with the annealing and the stability gap."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from shards.page import FAINT, draw

Json = dict[str, Any]
Colors = Mapping[str, str]

UNITS = {"bits_per_byte": "bits per byte", "acc": "accuracy", "acc_norm": "normalised accuracy", "exact_match": "exact match"}
_OF_TRAINING = {"bits_per_byte": ("domain", "bits_per_byte"), "answer_bits": ("task", "bits_per_byte")}
"""keys of a line of metrics.jsonl: what they score, and the metric"""
_DASHES = ("-", "--", "-.", ":")
_MARKERS = "os^Dvp"


def over_steps(runs: Mapping[str, list[Json]], watched: Mapping[str, Json]) -> Json | None:
    """Panels for each domain or task and metric, with a line for each model and measure; when the learning rate begins its last decay, by model; and the
    models that forgot more on the way than at the end. None if nothing was scored over steps. `runs` holds lines of metrics.jsonl, `watched` records of
    watch.json, both by name of the model."""
    panels: dict[tuple[str, str, str], Json] = {}
    for model, record in watched.items():
        for curve in record["curves"]:
            panel = _panel(panels, curve["kind"], curve["name"], curve["metric"])
            panel["lines"].append({"model": model, "measure": "checkpoints", "base": curve["base"], "points": curve["points"]})
    for model, steps in runs.items():
        for key, (kind, metric) in _OF_TRAINING.items():
            for name in dict.fromkeys(name for step in steps for name in step.get(key, {})):
                points = [{"step": step["step"], "value": step[key][name]} for step in steps if name in step.get(key, {})]
                base = next((step[f"base_{key}"][name] for step in steps if name in step.get(f"base_{key}", {})), None)
                panel = _panel(panels, kind, name, metric)
                panel["lines"].append({"model": model, "measure": "in training", "base": base, "points": points})
    if not panels:
        return None
    rates = {model: [(step["step"], step["lr"]) for step in steps] for model, steps in runs.items()}
    rates |= {model: [tuple(pair) for pair in record["learning_rate"]] for model, record in watched.items() if model not in rates}
    annealing = [{"model": model, "step": step} for model, pairs in rates.items() if (step := last_decay(pairs)) is not None]
    ordered = sorted(panels.values(), key=lambda panel: (panel["kind"], panel["name"], panel["metric"]))
    skipped = [row | {"model": model} for model, record in watched.items() for row in record["skipped"]]
    return {"panels": ordered, "annealing": annealing, "gaps": [gap for panel in ordered for gap in stability_gaps(panel)], "skipped": skipped}


def _panel(panels: dict[tuple[str, str, str], Json], kind: str, name: str, metric: str) -> Json:
    return panels.setdefault((kind, name, metric), {"kind": kind, "name": name, kind: name, "metric": metric, "lines": []})


def last_decay(rates: Sequence[tuple[int, float]]) -> int | None:
    """First step of the decay in which the run ends: after the last step at which the learning rate did not fall. None if it does not end in one."""
    if len(rates) < 2 or rates[-1][1] >= rates[-2][1]:
        return None
    index = len(rates) - 1
    while index > 0 and rates[index][1] < rates[index - 1][1]:
        index -= 1
    return rates[min(index + 1, len(rates) - 1)][0]


def stability_gaps(panel: Json) -> list[Json]:
    """Lines that were worse than the base model on the way, and recovered some of it by the end (the stability gap, arXiv 2406.14833).

    Of checkpoints, only losses whose verdict is `worse` count, and a recovery that is larger than half the width of the interval at the worst step; of
    scores in training, without intervals, a recovery of a tenth of the loss.
    """
    sign = 1 if panel["metric"] == "bits_per_byte" else -1
    gaps = []
    for line in panel["lines"]:
        if line["base"] is None or len(line["points"]) < 2:
            continue
        worst = max(line["points"], key=lambda point: sign * point["value"])
        lost, kept = sign * (worst["value"] - line["base"]), sign * (line["points"][-1]["value"] - line["base"])
        is_sure = line["measure"] == "in training" or (worst["verdict"] == "worse" and worst["low"] is not None)
        margin = (worst["high"] - worst["low"]) / 2 if line["measure"] == "checkpoints" and worst["low"] is not None else lost / 10
        if is_sure and lost > 0 and lost - kept > margin:
            facts = {"model": line["model"], "measure": line["measure"], panel["kind"]: panel["name"], "metric": panel["metric"]}
            gaps.append(facts | {"step": worst["step"], "lost": lost, "lost_at_end": kept, "last_step": line["points"][-1]["step"]})
    return gaps


def gap_words(gap: Json) -> str:
    """A sentence about one stability gap."""
    name, unit = gap.get("domain") or gap["task"], UNITS[gap["metric"]]
    end = f"{gap['lost_at_end']:.3f} worse" if gap["lost_at_end"] > 0 else "no worse than the base model"
    how = " (scores in training, without intervals)" if gap["measure"] == "in training" else ""
    worst = f"up to {gap['lost']:.3f} {unit} worse than the base model on {name}, at step {gap['step']:,}"
    return f"{gap['model']} was {worst}, and is {end} at step {gap['last_step']:,}{how}."


def plots(content: Json, models: Colors) -> list[Markup]:
    """A plot for each panel."""
    section = content["over_steps"]
    return [
        draw(
            f"{UNITS[panel['metric']]} on {panel['name']} over steps",
            (4.6, 3.2),
            partial(_paint, panel, section["annealing"], models),
            description=f"{UNITS[panel['metric']]} on {panel['name']} over the steps of training, a line for each model; vertical lines mark where "
            "the learning rate begins its last decay.",
        )
        for panel in section["panels"]
    ]


def _paint(panel: Json, annealing: Sequence[Json], models: Colors, figure: Figure) -> None:
    axes = figure.subplots()
    axes.grid(True)
    order = list(dict.fromkeys(line["model"] for line in panel["lines"]))
    for line in panel["lines"]:
        color, index = models[line["model"]], order.index(line["model"])
        points = [point for point in line["points"] if math.isfinite(point["value"])]
        steps, values = [point["step"] for point in points], [point["value"] for point in points]
        if line["measure"] == "in training":
            axes.plot(steps, values, linestyle=":", color=color, linewidth=1.4)
            continue
        axes.plot(steps, values, _DASHES[index % 3], marker=_MARKERS[index % len(_MARKERS)], markersize=4, color=color)
        known = [point for point in points if point["low"] is not None]
        low, high = ([line["base"] + point[end] for point in known] for end in ("low", "high"))
        axes.fill_between([point["step"] for point in known], low, high, color=color, alpha=0.18, linewidth=0)
    base = next((line["base"] for line in panel["lines"] if line["measure"] == "checkpoints"), panel["lines"][0]["base"])
    if base is not None:
        axes.axhline(base, color=FAINT, linewidth=1, linestyle="--")
    for row in annealing:
        if row["model"] in order:
            axes.axvline(row["step"], color=models[row["model"]], linewidth=0.9, alpha=0.6)
    axes.set_xlabel("step")
    axes.set_ylabel(f"{panel['name'] if len(panel['name']) < 24 else panel['name'][:22] + '…'}, {UNITS[panel['metric']]}")
