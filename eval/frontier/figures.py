"""Plots of a frontier: the plane of gain and forgetting, changes over steps, changes over cost."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shards.page import FAINT, INK, draw

Json = dict[str, Any]
Colors = Mapping[str, str]

_SIZE = (5.2, 4.2)
"""Inches; narrow, so that its text stays readable on a phone."""
_WIDE = (8.6, 4.6)
"""Inches of the plane; `draw` paints it again for phones."""
_LABELLED = 8
"""Points that get their name in the plot; the table names the rest."""
_UNITS = {"tokens": "tokens trained on", "seconds": "seconds of training", "gpu_hours": "GPU hours"}


def plane(content: Json, front: Json, colors: Colors) -> Markup:
    """Changes on the domain to gain (across) and the one to retain (up) with 95% intervals. Points on the front are filled and joined by a line, dominated
    ones are hollow, suggestions are diamonds."""
    name = f"gain on {front['gain']} against forgetting on {front['retain']}"
    words = f"A mark for each point: its change on {front['gain']} (left: gained) and on {front['retain']} (up: forgotten), with 95% intervals."
    return draw(name, _WIDE, lambda figure: _paint_plane(figure.subplots(), content, front, colors), description=words)


def _paint_plane(axes: Axes, content: Json, front: Json, colors: Colors) -> None:
    gain, retain = front["gain"], front["retain"]
    status = {row["point"]: row["status"] for row in front["standings"]}
    _frame(axes)
    axes.plot(0, 0, "s", color=INK, markersize=6)
    axes.annotate(content["baseline"]["name"], (0, 0), xytext=(5, 5), textcoords="offset points")
    for trajectory in content["trajectories"]:
        steps = [step["changes"] for step in trajectory["steps"] if {gain, retain} <= step["changes"].keys()]
        line: Json = {"color": colors[trajectory["run"]], "linewidth": 1, "alpha": 0.6}
        dashes = "-" if trajectory["measure"] == content["measure"] else ":"
        axes.plot([0, *(step[gain]["delta"] for step in steps)], [0, *(step[retain]["delta"] for step in steps)], dashes, **line)
    points = [point for point in content["points"] if point["name"] in status]
    on_front = [(p["changes"][gain]["delta"], p["changes"][retain]["delta"]) for p in points if status[p["name"]] == "front"]
    on_front += [(0.0, 0.0)] if front["base"]["status"] == "front" else []
    axes.step(*zip(*sorted(on_front), strict=True), where="post", color=FAINT, linewidth=1, linestyle="--")
    for point in points:
        _paint_point(axes, point, (gain, retain), status[point["name"]], colors[point["run"] or point["name"]])
    for point in sorted(points, key=lambda point: status[point["name"]] != "front")[:_LABELLED]:
        x, y = point["changes"][gain]["delta"], point["changes"][retain]["delta"]
        axes.annotate(point["name"], (x, y), xytext=(6, 4), textcoords="offset points")
    for suggestion in content["suggestions"]:
        if {gain, retain} <= suggestion["changes"].keys():
            _paint_suggestion(axes, suggestion, (gain, retain), colors[suggestion["name"]])
    axes.margins(x=0.15, y=0.15)
    axes.set_xlabel(f"change on {gain}, bits per byte\n(left: gained)")
    axes.set_ylabel(f"change on {retain}, bits per byte\n(up: forgotten)")


def _paint_point(axes: Axes, point: Json, domains: tuple[str, str], status: str, color: str) -> None:
    x, y = (point["changes"][domain] for domain in domains)
    shape: Json = {"fmt": "o" if point["of"] == "checkpoint" else "D", "markersize": 7, "capsize": 2, "linewidth": 1}
    shape |= {"color": color, "markerfacecolor": color if status == "front" else "none", "alpha": 0.5 if status == "surely dominated" else 1.0}
    axes.errorbar(x["delta"], y["delta"], xerr=_reach(x), yerr=_reach(y), **shape)


def _paint_suggestion(axes: Axes, suggestion: Json, domains: tuple[str, str], color: str) -> None:
    x, y = (suggestion["changes"][domain] for domain in domains)
    shape: Json = {"fmt": "*", "markersize": 13, "markerfacecolor": "none", "capsize": 2, "linewidth": 1, "color": color}
    axes.errorbar(x["delta"], y["delta"], xerr=_reach(x), yerr=_reach(y), **shape)
    axes.annotate(f"{suggestion['name']}, predicted", (x["delta"], y["delta"]), xytext=(8, -12), textcoords="offset points")


def curves(content: Json, colors: Colors) -> list[Markup]:
    """One plot per domain of the changes over steps; empty without trajectories."""
    domains = list(content["baseline"]["bits_per_byte"])
    runs = content["trajectories"]
    words = "Change over the base model in bits per byte, a line for each run."
    return [draw(f"change on {domain} over steps", _SIZE, partial(_paint_curves, runs, domain, colors), description=words) for domain in domains if runs]


def _paint_curves(trajectories: list[Json], domain: str, colors: Colors, figure: Figure) -> None:
    axes = figure.subplots()
    _frame(axes)
    for trajectory in trajectories:
        steps = [step for step in trajectory["steps"] if domain in step["changes"]]
        start = {"step": 0, "changes": {domain: {"delta": 0.0, "low": 0.0, "high": 0.0}}}
        known = all(step["changes"][domain]["low"] is not None for step in steps)
        x, changes = zip(*((step["step"], step["changes"][domain]) for step in (start, *steps)), strict=True)
        color, evaluated = colors[trajectory["run"]], trajectory["measure"] == "held-out documents"
        axes.plot(x, [change["delta"] for change in changes], "-o" if evaluated else ":", markersize=4, color=color)
        if steps and known:
            axes.fill_between(x, [change["low"] for change in changes], [change["high"] for change in changes], color=color, alpha=0.15, linewidth=0)
    axes.set_xlabel("step")
    axes.set_ylabel(f"change on {domain}, bits per byte")


def costs(content: Json, colors: Colors) -> list[Markup]:
    """One plot per domain of the changes over cost; empty where costs are unknown."""
    kind = content["cost"] or next((kind for kind in ("gpu_hours", "tokens", "seconds") if _n_known(content, kind) > 1), None)
    if kind is None or _n_known(content, kind) < 2:
        return []
    domains = list(content["baseline"]["bits_per_byte"])
    words = f"Change over the base model in bits per byte, a mark for each point, over {_UNITS[kind]}."
    return [draw(f"change on {domain} over cost", _SIZE, partial(_paint_costs, content, domain, kind, colors), description=words) for domain in domains]


def _n_known(content: Json, kind: str) -> int:
    return sum(point["cost"][kind] is not None for point in content["points"])


def _paint_costs(content: Json, domain: str, kind: str, colors: Colors, figure: Figure) -> None:
    axes = figure.subplots()
    _frame(axes)
    for point in content["points"]:
        if point["cost"][kind] is not None:
            change, color = point["changes"][domain], colors[point["run"] or point["name"]]
            axes.errorbar(point["cost"][kind], change["delta"], yerr=_reach(change), fmt="o" if point["of"] == "checkpoint" else "D", color=color, capsize=2)
    axes.set_xlim(0, None)
    axes.set_xlabel(_UNITS[kind])
    axes.set_ylabel(f"change on {domain}, bits per byte")


def _frame(axes: Axes) -> None:
    axes.grid(True)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8)


def _reach(change: Json) -> list[list[float]] | None:
    if change["low"] is None:
        return None
    return [[max(change["delta"] - change["low"], 0)], [max(change["high"] - change["delta"], 0)]]
