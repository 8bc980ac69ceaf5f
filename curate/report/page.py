"""`curate report`: the figures of a run as one HTML page that needs nothing else."""

import html
import io
import json
import re
from pathlib import Path
from typing import Any

import jinja2
import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from curate.run_folder import read_run
from shards.derived import write_derived

_REMOVED, _KEPT, _INK, _FAINT = "#b3361d", "#b9cde4", "#1f2933", "#7b8794"
_STYLE: Any = {"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
_STYLE |= {"axes.edgecolor": _FAINT, "xtick.color": _FAINT, "ytick.color": _FAINT, "xtick.labelcolor": _INK, "ytick.labelcolor": _INK}
_MOST = 40
"""Rows that a table shows of languages and sources."""


def write_page(out: Path, page: Path | None) -> Path:
    """Write the page of the run in `out`, by default to `out/report.html`. Raises CurateError if the folder holds no finished run."""
    run = read_run(out)
    page = page or Path(out) / "report.html"
    write_derived(Path(out), page, render(run.report, run.timings).encode("utf-8", "replace"))
    return page


def render(report: dict[str, Any], timings: dict[str, Any]) -> str:
    """The page. All text of documents, names and files is escaped; plots are inline SVG, and nothing is fetched."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "megabytes": lambda n: f"{n / 1e6:,.1f} MB",
        "count": lambda n: f"{n:,}",
        "json": lambda value: json.dumps(value, ensure_ascii=False),
        "code": lambda text: Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text)))),
    }
    plots = {one["rule"]: Markup(histogram(one)) for one in report["histograms"] if sum(one["documents"])}
    fired = {row["rule"]: row for row in report["rules"]}
    return environment.get_template("page.html.j2").render(report=report, timings=timings, plots=plots, fired=fired, most=_MOST)


def histogram(one: dict[str, Any]) -> str:
    """An SVG of documents by the value of a rule; what the rule drops is red, and the cut is drawn."""
    limits, counts = np.array(one["edges"]), np.array(one["documents"])
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": one["rule"]}):
        figure = Figure(figsize=(3.6, 1.7), layout="constrained")
        axes = figure.add_subplot()
        left = _places(limits)
        dropped = limits[1:] <= one["threshold"] if one["drop_if"].startswith("<") else limits[:-1] >= one["threshold"]
        axes.bar(left[:-1], counts, np.diff(left), align="edge", color=np.where(dropped, _REMOVED, _KEPT))
        axes.axvline(np.interp(one["threshold"], limits, left), color=_INK, linewidth=1)
        _label(axes, limits, left, one["threshold"])
        sink = io.StringIO()
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = sink.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    opening, rest = re.sub(r'<g id="[^"]*"', "<g", svg).split(">", 1)
    return re.sub(r' (width|height)="[^"]*"', "", opening) + f' role="img" aria-label="{html.escape(one["rule"])}">{rest}'


def _places(limits: np.ndarray) -> np.ndarray:
    """Where edges lie on the paper: bins are equally wide, on a logarithmic scale too."""
    return np.arange(len(limits), dtype=float)


def _label(axes: Axes, limits: np.ndarray, left: np.ndarray, threshold: float) -> None:
    wanted = [limits[0], threshold, limits[-1]] if threshold not in (limits[0], limits[-1]) else [limits[0], limits[-1]]
    axes.set_xticks([float(np.interp(value, limits, left)) for value in wanted], [f"{value:.4g}" for value in wanted])
    axes.set_xlim(left[0], left[-1])
    axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3, integer=True))
    axes.set_ylabel("documents")
