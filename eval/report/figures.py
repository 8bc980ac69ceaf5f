"""The report's plots as inline SVG: text stays text, nothing is downloaded, equal figures give equal bytes."""

import html
import io
import re
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Json = dict[str, Any]

INK, FAINT, GRID = "#1f2933", "#7b8794", "#e4e7eb"
SERIES = ("#2563a8", "#d9730d", "#4d8f5b", "#8e4ec6", "#b8336a", "#0f8b8d", "#8a6d1d", "#55606e")
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
}


def draw(name: str, size: tuple[float, float], paint: Callable[[Figure], None]) -> str:
    """An SVG element of `size` inches, painted by `paint`. `name` is its description for screen readers, and keeps its ids distinct from
    those of other figures on the page."""
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        sink = io.StringIO()
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = sink.getvalue()
    svg = re.sub(r'<g id="[^"]*"', "<g", svg[svg.index("<svg") :])
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 system-ui, sans-serif", svg)
    opening, rest = svg.split(">", 1)
    return re.sub(r' (width|height)="[^"]*"', "", opening) + f' role="img" aria-label="{html.escape(name)}">{rest}'


def gain_against_forgetting(content: Json, tolerance: float) -> list[str]:
    """One plot per pair of a domain to gain on and one to retain: differences from the baseline, with 95% intervals."""
    points: dict[tuple[str, str], Json] = {}
    for model in content["headline"]["models"]:
        for change in model["changes"]:
            points[model["model"], change["domain"]] = change
    domains = {role: list(dict.fromkeys(change["domain"] for change in points.values() if change["role"] == role)) for role in ("gain", "retain")}
    models = [model["model"] for model in content["headline"]["models"]]

    def painter(gain: str, retain: str) -> Callable[[Figure], None]:
        pairs = [(model, points[model, gain], points[model, retain]) for model in models]
        return lambda figure: _paint_plane(figure.subplots(), pairs, gain, retain, content["headline"]["baseline"], tolerance)

    return [
        draw(f"gain on {gain} against forgetting on {retain}", (8.6, 4.0), painter(gain, retain))
        for gain, retain in product(domains["gain"], domains["retain"])
    ]


def _paint_plane(axes: Axes, points: list[tuple[str, Json, Json]], gain: str, retain: str, baseline: str, tolerance: float) -> None:
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    axes.axhspan(-tolerance, tolerance, color="#cfe8d6", zorder=0, label=f"tolerance, ±{tolerance:g}")
    axes.plot(0, 0, "o", color=INK, markersize=6, label=baseline)
    for index, (model, x, y) in enumerate(points):
        color = SERIES[index % len(SERIES)]
        axes.errorbar(x["delta"], y["delta"], xerr=_reach(x), yerr=_reach(y), fmt="o", color=color, markersize=7, capsize=3, linewidth=1.6, label=model)
    axes.margins(x=0.1, y=0.18)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    axes.set_xlabel(f"change on {gain}, bits per byte (left: gained)")
    axes.set_ylabel(f"change on {retain}, bits per byte\n(up: forgotten)")


def _reach(change: Json) -> list[list[float]] | None:
    if change["low"] is None:
        return None
    return [[max(change["delta"] - change["low"], 0)], [max(change["high"] - change["delta"], 0)]]


def mix_shares(mixes: list[Json]) -> str:
    """Three bars per mix: the share of each source requested, planned, and seen in training (if known)."""
    names = list(dict.fromkeys(source["name"] for mix in mixes for source in mix["sources"]))
    bars = [(mix["name"], what, [_share(mix, name, key) for name in names]) for mix in mixes for what, key in _kinds(mix)]
    return draw(
        "shares of sources, asked, planned and seen",
        (8.6, 0.75 + 0.3 * len(bars) + 0.2 * len(mixes)),
        lambda figure: _paint_shares(figure.subplots(), names, bars),
    )


def _kinds(mix: Json) -> list[tuple[str, str]]:
    kinds = [("asked", "asked"), ("planned", "got"), ("seen", "seen")]
    return kinds if mix["sources"] and mix["sources"][0]["seen"] is not None else kinds[:2]


def _share(mix: Json, name: str, key: str) -> float:
    return next((source[key] for source in mix["sources"] if source["name"] == name), 0.0)


def _paint_shares(axes: Axes, names: list[str], bars: list[tuple[str, str, list[float]]]) -> None:
    position, positions, previous = 0.0, [], None
    for mix, _, _ in bars:
        position += 1.0 if mix == previous else 1.6
        positions.append(position)
        previous = mix
    left = [0.0] * len(bars)
    for index, name in enumerate(names):
        shares = [shares[index] for _, _, shares in bars]
        axes.barh(positions, shares, left=left, height=0.78, color=SERIES[index % len(SERIES)], label=name)
        for y, start, share in zip(positions, left, shares, strict=True):
            if share >= 0.06:
                axes.text(start + share / 2, y, f"{share:.2%}", ha="center", va="center", color="white", fontsize=9)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.set_yticks(positions, [f"{mix} · {what}" for mix, what, _ in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1.0))
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.legend(ncols=min(len(names), 6), loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.1)


def run_curves(runs: list[Json]) -> list[str]:
    """One plot per run: loss by source over steps, raw and smoothed, above the learning rate. All runs share one scale of losses."""
    names = sorted({source for run in runs for source in run["loss_by_source"]})
    colors = {name: SERIES[index % len(SERIES)] for index, name in enumerate(names)}
    values = [value for run in runs for curve in run["loss_by_source"].values() for value in curve["smooth"]]
    low, high = min(values, default=0.0), max(values, default=1.0)
    margin = 0.08 * (high - low) or 0.1
    return [draw(f"loss by source in run {run['name']}", (5.2, 3.9), partial(_paint_run, run, colors, (low - margin, high + margin))) for run in runs]


def _paint_run(run: Json, colors: dict[str, str], limits: tuple[float, float], figure: Figure) -> None:
    losses, rates = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1]})
    for name, curve in run["loss_by_source"].items():
        losses.plot(curve["step"], curve["raw"], color=colors[name], alpha=0.25, linewidth=0.8)
        losses.plot(curve["step"], curve["smooth"], color=colors[name], linewidth=1.8, label=name)
    losses.set_ylim(*limits)
    losses.set_ylabel("loss, nats per token")
    losses.legend(loc="upper right", ncols=2)
    rates.plot(run["learning_rate"]["step"], run["learning_rate"]["lr"], color=INK, linewidth=1.4)
    rates.set_ylim(0, None)
    rates.set_ylabel("learning rate", fontsize=9)
    rates.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    rates.set_xlabel("step")


def evaluations(runs: list[Json]) -> str:
    """Bits per byte on held-out text during training, one line per run and domain; empty if no run was evaluated."""
    if not any(run["bits_per_byte"] for run in runs):
        return ""
    return draw("bits per byte during training", (8.6, 3.2), lambda figure: _paint_evaluations(figure.subplots(), runs))


def _paint_evaluations(axes: Axes, runs: list[Json]) -> None:
    domains = sorted({domain for run in runs for domain in run["bits_per_byte"]})
    dashes = ("-", "--", ":", "-.")
    for index, run in enumerate(runs):
        for domain, curve in run["bits_per_byte"].items():
            color = SERIES[domains.index(domain) % len(SERIES)]
            axes.plot(curve["step"], curve["value"], dashes[index % 4], color=color, marker="o", markersize=3, label=f"{domain} · {run['name']}")
    axes.set_xlabel("step")
    axes.set_ylabel("bits per byte, held out")
    axes.legend(loc="upper right")
