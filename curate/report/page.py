"""`curate report`: the figures of a run as one HTML page."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from curate.run_folder import read_run
from shards import page
from shards.derived import write_derived
from shards.page.colors import source_colors

_REMOVED, _KEPT = "#b3361d", "#b9cde4"
_MAX_ROWS = 40
"""Of the tables of languages and sources."""
_NEAR_BINS = 3
_NEAR_SHARE = 1 / 100


class Cut(NamedTuple):
    """Where one rule's threshold lies among the values of all documents."""

    rule: str
    key: str
    """Key of the threshold in the recipe, for `curate decide --set`."""
    threshold: str
    fired: int
    """Documents that the rule fired on."""
    is_near: bool
    """Whether at least one document in 100 is dropped, or lies up to three bins from being dropped."""
    svg: Markup


def write_page(out: Path, path: Path | None) -> Path:
    """Write the page of the run in `out`, by default to `out/report.html`. Raises CurateError if the folder holds no finished run."""
    run = read_run(out)
    path = path or Path(out) / "report.html"
    write_derived(Path(out), path, render(run.report, run.timings).encode("utf-8", "replace"))
    return path


def render(report: dict[str, Any], timings: dict[str, Any]) -> str:
    """The page as HTML."""
    fired = {row["rule"]: row["documents"] for row in report["rules"]}
    return page.render(
        Path(__file__).parent / "page.html.j2",
        report=report,
        timings=timings,
        changed={name: n for name, n in report["changed"].items() if n},
        cuts=[_cut(histogram, fired.get(histogram["rule"], 0)) for histogram in report["histograms"] if sum(histogram["documents"])],
        colors=source_colors(report["sources"]),
        most=_MAX_ROWS,
    )


def _cut(histogram: dict[str, Any], fired: int) -> Cut:
    rule_set, name = histogram["rule"].split("/", 1)
    counts, dropped = np.array(histogram["documents"]), dropped_bins(histogram)
    near = dropped.copy()
    if histogram["threshold"] > 0:  # flags have two values only, and one lies beside the threshold
        for _ in range(_NEAR_BINS):
            near[1:-1] |= near[:-2] | near[2:]  # the first and last bin also count what lies beyond them
    is_near = max(fired, counts[near].sum()) >= _NEAR_SHARE * counts.sum()
    key = f"rules.{rule_set}.thresholds.{name}"
    return Cut(histogram["rule"], key, f"{histogram['threshold']:g}", fired, bool(is_near), draw_histogram(histogram))


def dropped_bins(histogram: dict[str, Any]) -> np.ndarray:
    """(n_bins,) bool: bins whose values are all dropped. The first and last bin also hold all values below and above the edges."""
    edges = np.array([-np.inf, *histogram["edges"][1:-1], np.inf])
    threshold = histogram["threshold"]
    return edges[1:] <= threshold if histogram["drop_if"].startswith("<") else edges[:-1] >= threshold


def draw_histogram(histogram: dict[str, Any]) -> Markup:
    """An SVG of documents by the value of a rule; bins that the rule drops are red, and a line marks the threshold."""
    edges, counts = np.array(histogram["edges"]), np.array(histogram["documents"])
    threshold, positions = histogram["threshold"], np.arange(len(histogram["edges"]), dtype=float)  # bins are drawn equally wide
    at = float(np.interp(threshold, edges, positions))
    ticks = _ticks(edges, threshold)
    is_flag = threshold <= 0
    first = at - 4 if is_flag and not counts[: int(at)].any() else 0.0

    def paint(axes: Axes) -> None:
        axes.bar(positions[:-1], counts, 1.0, align="edge", color=np.where(dropped_bins(histogram), _REMOVED, _KEPT).tolist())
        axes.axvline(at, color=page.INK, linewidth=1)
        is_left = at - first < (positions[-1] - first) / 2
        label = f"drops {histogram['drop_if']} {_short(threshold)}"
        axes.text(at, 1.02, label, transform=axes.get_xaxis_transform(), ha="left" if is_left else "right", va="bottom")
        axes.set_xticks([float(np.interp(value, edges, positions)) for value in ticks], [_short(value) for value in ticks])
        axes.set_xlim(first, positions[-1])
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.set_ylabel("documents")

    return page.draw(
        histogram["rule"],
        (4.0, 2.0),
        lambda figure: paint(figure.add_subplot()),
        description=f"Documents by the value that the rule looks at; it drops values {histogram['drop_if']} {_short(threshold)}.",
    )


def _ticks(edges: np.ndarray, threshold: float) -> list[float]:
    """Values to mark: quarters of a share, powers of ten of other values, and both values of a flag."""
    if threshold <= 0:
        return [threshold, threshold + 1]
    if threshold <= 1:
        return [0, 0.25, 0.5, 0.75, 1]
    powers = 10.0 ** np.arange(-3, 12)
    return [0, *powers[(powers >= 2 * edges[1]) & (powers <= edges[-1])].tolist()]


def _short(value: float) -> str:
    """`50`, `10k`, `1M`."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):g}{unit}"
    return f"{value:g}"
