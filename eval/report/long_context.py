"""The plots of the report's section on long context, as inline SVG."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from shards.page import draw

Json = dict[str, Any]


def plots(content: Json, colors: Any) -> Json:
    """Figures of the section."""
    section = content["long_context"]
    return {"positions": loss_by_position(section, colors.models), "needles": needles_found(section["grids"])}


def loss_by_position(section: Json, colors: Mapping[str, str]) -> Markup:
    """Nats per token by the number of tokens before, one line a model, with 95% intervals; hollow marks lie beyond a model's own limit."""
    return draw(
        "nats per token by position",
        (8.6, 3.6),
        lambda figure: _paint_positions(figure.subplots(), section["positions"], colors),
        description="Nats per token of each model over the number of tokens before the predicted one; bands are 95% intervals.",
    )


def _paint_positions(axes: Axes, positions: list[Json], colors: Mapping[str, str]) -> None:
    axes.grid(True)
    for model in dict.fromkeys(row["model"] for row in positions):
        rows = [row for row in positions if row["model"] == model]
        middles, values = [(row["from"] * row["to"]) ** 0.5 for row in rows], [row["nats_per_token"] for row in rows]
        axes.plot(middles, values, color=colors[model], linewidth=1.6, label=model)
        if all(row["low"] is not None for row in rows):
            axes.fill_between(middles, [row["low"] for row in rows], [row["high"] for row in rows], color=colors[model], alpha=0.15, linewidth=0)
        for middle, value, row in zip(middles, values, rows, strict=True):
            axes.plot(middle, value, "o", color=colors[model], markerfacecolor="white" if row["beyond_limit"] else colors[model], markersize=5)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("tokens before")
    axes.set_ylabel("nats per token")


def needles_found(grids: list[Json]) -> list[Markup]:
    """Share of needles found by context length and depth, one map a model."""
    return [
        draw(
            f"share of needles found by {grid['model']}",
            (4.6, 1.2 + 0.35 * len(grid["rows"])),
            partial(_paint_needles, grid),
            description=f"Share of trials in which {grid['model']} found the pass key, a row for each context length and a column for each depth.",
        )
        for grid in grids
    ]


def _paint_needles(grid: Json, figure: Figure) -> None:
    axes = figure.subplots()
    shares = [[cell["accuracy"] for cell in row] for row in grid["rows"]]
    axes.pcolormesh(shares, vmin=0, vmax=1, cmap="Blues", alpha=0.6)
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            axes.text(x + 0.5, y + 0.5, f"{share:.0%}", ha="center", va="center")
    axes.set_xticks([x + 0.5 for x in range(len(shares[0]))], [f"{cell['depth']:g}" for cell in grid["rows"][0]])
    axes.set_yticks([y + 0.5 for y in range(len(shares))], [f"{row[0]['length']:,}" for row in grid["rows"]])
    axes.tick_params(length=0)
    axes.set_xlabel("depth of the needle")
    axes.set_ylabel("context, tokens")
