"""The plots of a suggestion, as inline SVG. Domains and the sources of their names have one colour each."""

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mix.suggest.record import DomainRecord, Estimate, SuggestionRecord
from shards.page import FAINT, INK, draw

Colors = Mapping[str, str]

_WASH = "#eef1f4"
_GOOD = "#cfe8d6"


def share_region(suggestion: SuggestionRecord, colors: Colors) -> Markup:
    """A bar for each source: its suggested share, and the range among ratios that are as good."""
    shares = ", ".join(f"{name} {share:.1%}" for name, share in suggestion.shares.items())
    return draw(
        "suggested shares and ratios as good",
        (8.6, 0.6 + 0.36 * len(suggestion.shares)),
        partial(_paint_shares, suggestion, colors),
        description=f"A bar for each source: {shares}. Outlines are the ranges among ratios that are statistically as good.",
    )


def _paint_shares(suggestion: SuggestionRecord, colors: Colors, figure: Figure) -> None:
    axes = figure.subplots()
    names, region = list(suggestion.shares), suggestion.region
    for row, name in enumerate(names):
        low, high = region.lowest[name], region.highest[name]
        axes.barh(row, suggestion.shares[name], height=0.62, color=colors[name])
        axes.barh(row, high - low, left=low, height=0.86, facecolor="none", edgecolor=INK, linewidth=0.9)
        end = max(high, suggestion.shares[name])
        axes.annotate(f"{suggestion.shares[name]:.1%}", (end, row), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(True, axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines[["left"]].set_visible(False)


def loss_curves(suggestion: SuggestionRecord, colors: Colors) -> list[Markup]:
    """One plot for each domain: its predicted loss over the share of one of two sources. None with more sources."""
    if suggestion.curve is None:
        return []
    return [
        draw(
            f"predicted loss on {one.name}",
            (5.2, 3.5),
            partial(_paint_curve, suggestion, one, colors[one.name]),
            description=f"Predicted loss on {one.name} over the share of {suggestion.curve.source}, with the band of single runs, and the runs observed.",
        )
        for one in suggestion.domains
    ]


def _paint_curve(suggestion: SuggestionRecord, domain: DomainRecord, color: str, figure: Figure) -> None:
    curve, axes = suggestion.curve, figure.subplots()
    assert curve is not None
    shares = [point.share for point in curve.points]
    low, value, high = zip(*(point.losses[domain.name] for point in curve.points), strict=True)
    axes.grid(True)
    axes.axvspan(suggestion.region.lowest[curve.source], suggestion.region.highest[curve.source], color=_WASH, zorder=0)
    axes.fill_between(shares, low, high, color=color, alpha=0.18, linewidth=0)
    axes.plot(shares, value, color=color, linewidth=1.8)
    runs = [run for run in suggestion.observed if domain.name in run.losses and curve.source in run.shares]
    axes.plot([run.shares[curve.source] for run in runs], [run.losses[domain.name] for run in runs], "o", color=color, markersize=4)
    if domain.base is not None:
        axes.axhline(domain.base, color=FAINT, linestyle="--", linewidth=1)
        if domain.max_increase is not None:
            axes.axhspan(domain.base, domain.base * (1 + domain.max_increase), color=_GOOD, zorder=0, linewidth=0)
    axes.axvline(suggestion.shares[curve.source], color=INK, linewidth=1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(f"share of {curve.source}")
    axes.set_ylabel(f"{domain.name}, {domain.unit}")


def gain_against_forgetting(suggestion: SuggestionRecord, colors: Colors) -> list[Markup]:
    """One plot for each pair of a domain of the target and one outside it, as relative changes over the base."""
    known = [domain for domain in suggestion.domains if domain.base is not None]
    gains, retains = [domain for domain in known if domain.weight > 0], [domain for domain in known if domain.weight == 0]
    return [
        draw(
            f"gain on {gain.name} against forgetting on {retain.name}",
            (8.6, 4.0),
            partial(_paint_plane, suggestion, gain, retain, colors),
            description=f"Changes over the base on {gain.name} (left: gained) and {retain.name} (up: forgotten): runs as dots, the suggestion as a diamond.",
        )
        for gain, retain in product(gains, retains)
    ]


def _paint_plane(suggestion: SuggestionRecord, gain: DomainRecord, retain: DomainRecord, colors: Colors, figure: Figure) -> None:
    axes = figure.subplots()
    axes.grid(True)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    assert gain.base is not None and retain.base is not None
    if retain.max_increase is not None:
        axes.axhspan(0, retain.max_increase, color=_GOOD, zorder=0, label=f"budget, {retain.max_increase:+.1%}")
    axes.plot(0, 0, "o", color=INK, markersize=6, label="base")
    runs = [run for run in suggestion.observed if gain.name in run.losses and retain.name in run.losses]
    before = frozenset(suggestion.evidence.runs)
    for label, is_old, marker in (("runs of the evidence", True, "o"), ("runs after the suggestion", False, "s")):
        chosen = [run for run in runs if (run.run in before) == is_old]
        if chosen:
            changes = [(run.losses[gain.name] / gain.base - 1, run.losses[retain.name] / retain.base - 1) for run in chosen]
            axes.plot(*zip(*changes, strict=True), marker, color=colors[gain.name] if is_old else INK, markersize=5, alpha=0.8, linestyle="none", label=label)
    x, y = (domain.predicted.value / base - 1 for domain, base in ((gain, gain.base), (retain, retain.base)))
    reach_x, reach_y = _reach(gain.predicted, gain.base), _reach(retain.predicted, retain.base)
    shape: dict[str, Any] = {"fmt": "D", "markerfacecolor": "white", "markersize": 8, "capsize": 3, "linewidth": 1.6}
    axes.errorbar(x, y, xerr=reach_x, yerr=reach_y, color=colors[retain.name], label="suggested, predicted", **shape)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.margins(x=0.08, y=0.12)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    axes.set_xlabel(f"change on {gain.name} (left: gained)")
    axes.set_ylabel(f"change on {retain.name}\n(up: forgotten)")


def _reach(predicted: Estimate, base: float) -> list[list[float]]:
    return [[(predicted.value - predicted.low) / base], [(predicted.high - predicted.value) / base]]
