"""The plots of the report, as inline SVG. Sources, and the domains named after them, have one colour each; models have others."""

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from shards.page import FAINT, INK, draw, is_for_phones, text_on

Json = dict[str, Any]
Colors = Mapping[str, str]

_MARKERS = "sD^vPX"
_GLYPHS = "■◆▲▼✚✖"
"""The markers as text. The baseline has a circle."""
_GOOD_BAND = "#cfe8d6"
MOST_PLANES = 4
"""Plots of pairs of domains; with more pairs, there is one plot per domain instead."""
_DASHES = ("-", "--", ":", "-.")


def headline(content: Json, colors: Any) -> Json:
    """Figures of the first section: planes of gain and forgetting, or where domains are many, changes by domain."""
    tolerance = content["provenance"]["settings"]["tolerance"]
    planes = gain_against_forgetting(content, tolerance, colors.models)
    keys = keys_of(content, colors.models)
    return {"plane": planes, "changes": [] if planes else changes_by_domain(content, tolerance, colors.models)} | keys


def keys_of(content: Json, colors: Colors) -> Json:
    """Keys of the planes: `marks` by name (the shape in which a model is drawn, besides its colour), and `key_colors` of the same names."""
    names = [model["model"] for model in content["headline"]["models"]]
    marks = {content["headline"]["baseline"]: "●"} | {name: _GLYPHS[index % len(_GLYPHS)] for index, name in enumerate(names)}
    predicted = {f"{suggestion['name']}, predicted": suggestion["name"] for suggestion in content["suggestions"]}
    key_colors = {name: colors[name] for name in marks} | {label: colors[name] for label, name in predicted.items()}
    return {"marks": marks | dict.fromkeys(predicted, "◇"), "key_colors": key_colors}


def gain_against_forgetting(content: Json, tolerance: float, colors: Colors) -> list[Markup]:
    """One plot per pair of a domain to gain on and one to retain, unless there are more than MOST_PLANES: differences from the baseline with 95%
    intervals, hollow where they are predicted."""
    points = {(model["model"], change["domain"]): change for model in content["headline"]["models"] for change in model["changes"]}
    domains = {role: list(dict.fromkeys(change["domain"] for change in points.values() if change["role"] == role)) for role in ("gain", "retain")}
    pairs = list(product(domains["gain"], domains["retain"]))
    if len(pairs) > MOST_PLANES:
        return []
    size = (8.6, 4.0) if len(pairs) == 1 else (4.6, 3.8)
    return [
        draw(
            f"gain on {gain} against forgetting on {retain}",
            size,
            partial(_paint_pair, content, points, (gain, retain), tolerance, colors),
            description=f"A point for each model: its change on {gain} (left: gained) and on {retain} (up: forgotten), with 95% intervals; the base is at 0.",
            phone=(4.6, 3.8),
        )
        for gain, retain in pairs
    ]


def _paint_pair(content: Json, points: Mapping[tuple[str, str], Json], domains: tuple[str, str], tolerance: float, colors: Colors, figure: Figure) -> None:
    gain, retain = domains
    models = [model["model"] for model in content["headline"]["models"]]
    pairs = [(model, points[model, gain], points[model, retain]) for model in models]
    predicted = [(one["name"], one["changes"][gain], one["changes"][retain]) for one in content["suggestions"] if {gain, retain} <= one["changes"].keys()]
    axes = figure.subplots()
    _paint_plane(axes, pairs, domains, tolerance, colors)
    _paint_predicted(axes, predicted, colors)


def changes_by_domain(content: Json, tolerance: float, colors: Colors) -> list[Markup]:
    """One plot per domain: the change of each model from the baseline, with its 95% interval."""
    models = content["headline"]["models"]
    rows: dict[str, list[Json]] = {}
    for model in models:
        for change in model["changes"]:
            rows.setdefault(change["domain"], []).append(change)
    return [
        draw(
            f"changes on {domain}",
            (4.6, 0.9 + 0.3 * len(changes)),
            partial(_paint_changes, changes, tolerance, colors),
            description=f"Change of each model on {domain} in bits per byte, with 95% intervals; left of 0 is fewer bits.",
        )
        for domain, changes in rows.items()
    ]


def _paint_changes(changes: list[Json], tolerance: float, colors: Colors, figure: Figure) -> None:
    axes = figure.subplots()
    axes.grid(True, axis="x")
    if changes[0]["role"] == "retain":
        axes.axvspan(-tolerance, tolerance, color=_GOOD_BAND, zorder=0)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    for index, change in enumerate(changes):
        shape: Json = {"fmt": _MARKERS[index % len(_MARKERS)], "markersize": 6, "capsize": 3, "linewidth": 1.6}
        axes.errorbar(change["delta"], index, xerr=_reach(change), color=colors[change["model"]], **shape)
    axes.set_yticks(range(len(changes)), [_short(change["model"]) for change in changes])
    axes.invert_yaxis()
    axes.set_xlabel("change, bits per byte (left: fewer)")


def _short(name: str, most: int = 22) -> str:
    """A name for an axis, cut in its middle."""
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-most // 2 :]}"


def _paint_plane(axes: Axes, points: list[tuple[str, Json, Json]], domains: tuple[str, str], tolerance: float, colors: Colors) -> None:
    axes.grid(True)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    axes.axhspan(-tolerance, tolerance, color=_GOOD_BAND, zorder=0)
    axes.plot(0, 0, "o", color=INK, markersize=6)
    for index, (model, x, y) in enumerate(points):
        shape: Json = {"fmt": _MARKERS[index % len(_MARKERS)], "markersize": 7, "capsize": 3, "linewidth": 1.6}
        axes.errorbar(x["delta"], y["delta"], xerr=_reach(x), yerr=_reach(y), color=colors[model], **shape)
    axes.margins(x=0.1, y=0.18)
    axes.set_xlabel(f"change on {_short(domains[0])}, bits per byte\n(left: gained)")
    axes.set_ylabel(f"change on {_short(domains[1])}, bits per byte\n(up: forgotten)")


def _paint_predicted(axes: Axes, points: list[tuple[str, Json, Json]], colors: Colors) -> None:
    for name, x, y in points:
        shape: Json = {"fmt": "D", "markersize": 8, "markerfacecolor": "white", "capsize": 3, "linewidth": 1.2, "linestyle": "none"}
        bars = axes.errorbar(x["delta"], y["delta"], xerr=_reach(x), yerr=_reach(y), color=colors[name], **shape)
        for line in bars.lines[2]:
            line.set_linestyle(":")


def _reach(change: Json) -> list[list[float]] | None:
    if change["low"] is None:
        return None
    return [[max(change["delta"] - change["low"], 0)], [max(change["high"] - change["delta"], 0)]]


def mixes(content: Json, colors: Any) -> Json:
    """The figure of the section on mixes."""
    return {"shares": mix_shares(content["mixes"], colors.sources)}


def mix_shares(mixes: list[Json], colors: Colors) -> Markup:
    """Three bars per mix: the share of each source requested, planned, and seen in training (if known)."""
    names = list(dict.fromkeys(source["name"] for mix in mixes for source in mix["sources"]))
    bars = [(mix["name"], what, [_share(mix, name, key) for name in names]) for mix in mixes for what, key in _kinds(mix)]
    return draw(
        "shares of sources, asked, planned and seen",
        (8.6, 0.75 + 0.3 * len(bars) + 0.2 * len(mixes)),
        lambda figure: _paint_shares(figure, names, bars, colors),
        description="Bars for each mix, divided by source: shares asked for, planned, and seen in training.",
    )


def _kinds(mix: Json) -> list[tuple[str, str]]:
    kinds = [("asked", "asked"), ("planned", "got"), ("seen", "seen")]
    return kinds if mix["sources"] and mix["sources"][0]["seen"] is not None else kinds[:2]


def _share(mix: Json, name: str, key: str) -> float:
    return next((source[key] for source in mix["sources"] if source["name"] == name), 0.0)


def _paint_shares(figure: Figure, names: list[str], bars: list[tuple[str, str, list[float]]], colors: Colors) -> None:
    axes, narrow = figure.subplots(), is_for_phones(figure)
    position, positions, previous = 0.0, [], None
    for mix, _, _ in bars:
        position += 1.0 if mix == previous else 1.6
        positions.append(position)
        previous = mix
    left = [0.0] * len(bars)
    for index, name in enumerate(names):
        shares = [shares[index] for _, _, shares in bars]
        axes.barh(positions, shares, left=left, height=0.78, color=colors[name])
        for y, start, share in zip(positions, left, shares, strict=True):
            if share >= (0.25 if narrow else 0.08):
                axes.text(start + share / 2, y, f"{share:.1%}" if narrow else f"{share:.2%}", ha="center", va="center", color=text_on(colors[name]))
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.set_yticks(positions, [f"{_short(mix, 12 if narrow else 30)} · {what}" for mix, what, _ in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)


def runs(content: Json, colors: Any) -> Json:
    """Figures of the section on training."""
    return {"runs": run_curves(content["runs"], colors.sources)}


def run_curves(runs: list[Json], colors: Colors) -> list[Markup]:
    """One plot per run: loss by source over steps, raw and smoothed, above the learning rate. All runs share one scale of losses."""
    values = [value for run in runs for curve in run["loss_by_source"].values() for value in curve["smooth"]]
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = 0.08 * (high - low) or 0.1
    return [
        draw(
            f"loss by source in run {run['name']}",
            (5.2, 3.9),
            partial(_paint_run, run, colors, (low - margin, high + margin)),
            description=f"Loss in nats per token over the steps of {run['name']}, a line for each source, above the learning rate.",
        )
        for run in runs
    ]


def _paint_run(run: Json, colors: Colors, limits: tuple[float, float], figure: Figure) -> None:
    losses, rates = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1]})
    losses.grid(True)
    rates.grid(True)
    for name, curve in run["loss_by_source"].items():
        losses.plot(curve["step"], curve["raw"], color=colors[name], alpha=0.25, linewidth=0.8)
        losses.plot(curve["step"], curve["smooth"], color=colors[name], linewidth=1.8)
    losses.set_ylim(*limits)
    losses.set_ylabel("loss, nats per token")
    rates.plot(run["learning_rate"]["step"], run["learning_rate"]["lr"], color=INK, linewidth=1.4)
    rates.set_ylim(0, None)
    rates.set_ylabel("rate")
    rates.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    rates.set_xlabel("step")
