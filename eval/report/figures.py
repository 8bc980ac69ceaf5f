"""The plots of the report, as inline SVG. Sources, and the domains named after them, have one colour each; models have others."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from shards.page import FAINT, INK, draw, text_on

Json = dict[str, Any]
Colors = Mapping[str, str]

_MARKERS = "osD^vP"
_DASHES = ("-", "--", ":", "-.")


def gain_against_forgetting(content: Json, tolerance: float, colors: Colors) -> list[Markup]:
    """One plot per pair of a domain to gain on and one to retain: differences from the baseline with 95% intervals, hollow where they are predicted."""
    points: dict[tuple[str, str], Json] = {}
    for model in content["headline"]["models"]:
        for change in model["changes"]:
            points[model["model"], change["domain"]] = change
    domains = {role: list(dict.fromkeys(change["domain"] for change in points.values() if change["role"] == role)) for role in ("gain", "retain")}
    models = [model["model"] for model in content["headline"]["models"]]

    def painter(gain: str, retain: str) -> Callable[[Figure], None]:
        pairs = [(model, points[model, gain], points[model, retain]) for model in models]
        predicted = [(one["name"], one["changes"][gain], one["changes"][retain]) for one in content["suggestions"] if {gain, retain} <= one["changes"].keys()]

        def paint(figure: Figure) -> None:
            axes = figure.subplots()
            _paint_plane(axes, pairs, (gain, retain), content["headline"]["baseline"], tolerance, colors)
            _paint_predicted(axes, predicted, colors)
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))

        return paint

    return [
        draw(
            f"gain on {gain} against forgetting on {retain}",
            (8.6, 4.0),
            painter(gain, retain),
            description=f"A point for each model: its change on {gain} (left: gained) and on {retain} (up: forgotten), with 95% intervals; the base is at 0.",
        )
        for gain, retain in product(domains["gain"], domains["retain"])
    ]


def _paint_plane(axes: Axes, points: list[tuple[str, Json, Json]], domains: tuple[str, str], baseline: str, tolerance: float, colors: Colors) -> None:
    axes.grid(True)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    axes.axhspan(-tolerance, tolerance, color="#cfe8d6", zorder=0, label=f"tolerance, ±{tolerance:g}")
    axes.plot(0, 0, "o", color=INK, markersize=6, label=baseline)
    for index, (model, x, y) in enumerate(points):
        shape: Json = {"fmt": _MARKERS[index % len(_MARKERS)], "markersize": 7, "capsize": 3, "linewidth": 1.6}
        axes.errorbar(x["delta"], y["delta"], xerr=_reach(x), yerr=_reach(y), color=colors[model], label=model, **shape)
    axes.margins(x=0.1, y=0.18)
    axes.set_xlabel(f"change on {domains[0]}, bits per byte (left: gained)")
    axes.set_ylabel(f"change on {domains[1]}, bits per byte\n(up: forgotten)")


def _paint_predicted(axes: Axes, points: list[tuple[str, Json, Json]], colors: Colors) -> None:
    for name, x, y in points:
        shape: Json = {"fmt": "D", "markersize": 8, "markerfacecolor": "white", "capsize": 3, "linewidth": 1.2, "linestyle": "none"}
        bars = axes.errorbar(x["delta"], y["delta"], xerr=_reach(x), yerr=_reach(y), color=colors[name], label=f"{name}, predicted", **shape)
        for line in bars.lines[2]:
            line.set_linestyle(":")


def _reach(change: Json) -> list[list[float]] | None:
    if change["low"] is None:
        return None
    return [[max(change["delta"] - change["low"], 0)], [max(change["high"] - change["delta"], 0)]]


def mix_shares(mixes: list[Json], colors: Colors) -> Markup:
    """Three bars per mix: the share of each source requested, planned, and seen in training (if known)."""
    names = list(dict.fromkeys(source["name"] for mix in mixes for source in mix["sources"]))
    bars = [(mix["name"], what, [_share(mix, name, key) for name in names]) for mix in mixes for what, key in _kinds(mix)]
    return draw(
        "shares of sources, asked, planned and seen",
        (8.6, 0.75 + 0.3 * len(bars) + 0.2 * len(mixes)),
        lambda figure: _paint_shares(figure.subplots(), names, bars, colors),
        description="Bars for each mix, divided by source: shares asked for, planned, and seen in training.",
    )


def _kinds(mix: Json) -> list[tuple[str, str]]:
    kinds = [("asked", "asked"), ("planned", "got"), ("seen", "seen")]
    return kinds if mix["sources"] and mix["sources"][0]["seen"] is not None else kinds[:2]


def _share(mix: Json, name: str, key: str) -> float:
    return next((source[key] for source in mix["sources"] if source["name"] == name), 0.0)


def _paint_shares(axes: Axes, names: list[str], bars: list[tuple[str, str, list[float]]], colors: Colors) -> None:
    position, positions, previous = 0.0, [], None
    for mix, _, _ in bars:
        position += 1.0 if mix == previous else 1.6
        positions.append(position)
        previous = mix
    left = [0.0] * len(bars)
    for index, name in enumerate(names):
        shares = [shares[index] for _, _, shares in bars]
        axes.barh(positions, shares, left=left, height=0.78, color=colors[name], label=name)
        for y, start, share in zip(positions, left, shares, strict=True):
            if share >= 0.06:
                axes.text(start + share / 2, y, f"{share:.2%}", ha="center", va="center", color=text_on(colors[name]))
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.set_yticks(positions, [f"{mix} · {what}" for mix, what, _ in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.legend(ncols=min(len(names), 6), loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.1)


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
        losses.plot(curve["step"], curve["smooth"], color=colors[name], linewidth=1.8, label=name)
    losses.set_ylim(*limits)
    losses.set_ylabel("loss, nats per token")
    losses.legend(loc="upper right", ncols=2)
    rates.plot(run["learning_rate"]["step"], run["learning_rate"]["lr"], color=INK, linewidth=1.4)
    rates.set_ylim(0, None)
    rates.set_ylabel("rate")
    rates.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    rates.set_xlabel("step")


def evaluations(runs: list[Json], colors: Colors) -> Markup:
    """Bits per byte on held-out text during training, one line per run and domain; empty if no run was evaluated."""
    if not any(run["bits_per_byte"] for run in runs):
        return Markup("")
    return draw(
        "bits per byte during training",
        (8.6, 3.2),
        lambda figure: _paint_evaluations(figure.subplots(), runs, colors),
        description="Bits per byte on held-out text over the steps of training, a line for each run and domain.",
    )


def _paint_evaluations(axes: Axes, runs: list[Json], colors: Colors) -> None:
    axes.grid(True)
    for index, run in enumerate(runs):
        for domain, curve in run["bits_per_byte"].items():
            shape: Json = {"linestyle": _DASHES[index % len(_DASHES)], "marker": "o", "markersize": 3}
            axes.plot(curve["step"], curve["value"], color=colors[domain], label=f"{domain} · {run['name']}", **shape)
    axes.set_xlabel("step")
    axes.set_ylabel("bits per byte, held out")
    axes.legend(loc="upper right")
