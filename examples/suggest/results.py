"""Tables and figures of the example: what was run, what was predicted, and what came of it."""

import csv
import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

DOMAINS = ("domain", "general")
Row = dict[str, str]


def write_results(folder: Path, answers: dict[str, str]) -> str:
    """Write results.md and the figures from the tables and suggestions in `folder`; returns the Markdown. `answers` has a folder or a refusal by budget."""
    with (folder / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    base = {name: float(row[f"bits.{name}"]) for row in rows if row["kind"] == "base" for name in DOMAINS}
    rounds = [json.loads(path.read_text()) for path in sorted(folder.glob("suggestion-*.json"))]
    first, provisional, confirmed = rounds[0], [one for one in rounds if one["status"] == "provisional"][-1], rounds[-1]
    merged = pairs(rows)
    parts = [
        ("Runs", table_of_runs(rows, base)),
        ("Other budgets", by_budget(first, answers)),
        ("The suggestions", "\n\n".join(predictions(one) for one in rounds if one["status"] == "provisional")),
        ("Confirmation", confirmation(confirmed)),
        ("Against other ratios", comparison(rows, base, provisional["shares"]["general"])),
        ("Merged experts", table_of_merged(merged)),
    ]
    text = "\n".join(f"## {title}\n\n{content}\n" for title, content in parts)
    (folder / "results.md").write_text(text)
    plot_losses(rows, provisional, folder / "losses.svg")
    plot_frontier(rows, base, provisional, folder / "frontier.svg")
    plot_merged(merged, folder / "merged.svg")
    return text


def of_kind(rows: Iterable[Row], *kinds: str) -> dict[float, list[Row]]:
    """Rows of these kinds by their share of general text, ascending."""
    groups: dict[float, list[Row]] = {}
    for row in rows:
        if row["kind"] in kinds:
            groups.setdefault(round(float(row["share.general"]), 2), []).append(row)
    return dict(sorted(groups.items()))


def losses(rows: Iterable[Row], domain: str) -> list[float]:
    """Bits per byte of each row."""
    return [float(row[f"bits.{domain}"]) for row in rows]


def cell(values: Sequence[float]) -> str:
    """Mean, and standard deviation of several."""
    return f"{statistics.mean(values):.4f}" + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")


def table_of_runs(rows: list[Row], base: dict[str, float]) -> str:
    """Mean and standard deviation over seeds at each ratio, with the change of the general loss in percent of the base model's."""
    lines = ["| general text | runs | general, bits per byte | over the base | domain, bits per byte |", "|---|---|---|---|---|"]
    lines.append(f"| base model | | {base['general']:.4f} | | {base['domain']:.4f} |")
    for share, group in of_kind(rows, "trained", "confirmation").items():
        general, domain = losses(group, "general"), losses(group, "domain")
        name = f"**{share:.0%}**" if group[0]["kind"] == "confirmation" else f"{share:.0%}"
        lines.append(f"| {name} | {len(group)} | {cell(general)} | {statistics.mean(general) / base['general'] - 1:+.1%} | {cell(domain)} |")
    return "\n".join(lines)


def predictions(suggestion: dict[str, Any]) -> str:
    """The suggested ratio with its predictions, before any run at it."""
    lines = [f"Ratio: {', '.join(f'{share:.1%} {name}' for name, share in suggestion['shares'].items())}.", ""]
    lines += ["| loss | predicted | 95%, one run | before correction | noise of a run | forms of law |", "|---|---|---|---|---|---|"]
    for domain in suggestion["domains"]:
        forms = ", ".join(f"{name} {weight:.0%}" for name, weight in sorted(domain["forms"].items(), key=lambda item: -item[1]) if weight >= 0.01)
        estimate = domain["predicted"]
        interval = f"{estimate['low']:.4f} to {estimate['high']:.4f}"
        lines.append(f"| {domain['name']} | {estimate['value']:.4f} | {interval} | {domain['uncorrected']:.4f} | {domain['noise']:.4f} | {forms} |")
    return "\n".join(lines)


def by_budget(suggestion: dict[str, Any], answers: dict[str, str]) -> str:
    """The suggested share of general text and both predictions under each budget, or the refusal."""
    asked = {budget: json.loads(path.read_text()) if (path := Path(answer, "suggestion.json")).exists() else answer for budget, answer in answers.items()}
    general = next(domain for domain in suggestion["domains"] if domain["name"] == "general")
    asked[f"{general['max_increase']:.0%}"] = suggestion
    lines = ["| budget | general text | general, predicted | domain, predicted |", "|---|---|---|---|"]
    for budget, answer in sorted(asked.items(), key=lambda item: float(item[0].rstrip("%"))):
        if isinstance(answer, str):
            lines.append(f"| {budget} | refused: {answer} | | |")
            continue
        at = {domain["name"]: domain["predicted"]["value"] for domain in answer["domains"]}
        lines.append(f"| {budget} | {answer['shares']['general']:.1%} | {at['general']:.4f} | {at['domain']:.4f} |")
    return "\n".join(lines)


def confirmation(suggestion: dict[str, Any]) -> str:
    """What the runs at each suggested ratio say of its prediction."""
    lines = [f"Status: {suggestion['status']}.", ""]
    lines += [
        "| general text | loss | predicted | 95%, mean of the runs | observed mean | inside | over the base | budget kept |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in suggestion["confirmations"]:
        for domain in one["domains"]:
            kept = {True: "yes", False: "no", None: ""}[domain["kept"]]
            cells = [f"{one['shares']['general']:.1%}", domain["name"], f"{domain['predicted']['value']:.4f}", f"{domain['low']:.4f} to {domain['high']:.4f}"]
            cells += [f"{domain['observed']:.4f}", "yes" if domain["inside"] else "no", f"{domain['observed'] / domain['base'] - 1:+.2%}", kept]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def comparison(rows: list[Row], base: dict[str, float], suggested: float) -> str:
    """The suggested ratio beside half and half and no replay."""
    groups = of_kind(rows, "trained", "confirmation")
    lines = ["| general text | domain, bits per byte | general over the base |", "|---|---|---|"]
    for share in (0.0, round(suggested, 2), 0.5):
        group = groups[share]
        change = statistics.mean(losses(group, "general")) / base["general"] - 1
        lines.append(f"| {share:.0%} | {cell(losses(group, 'domain'))} | {change:+.1%} |")
    return "\n".join(lines)


def pairs(rows: list[Row]) -> dict[float, tuple[list[Row], Row]]:
    """Trained runs and the merged one at each ratio that has both."""
    trained, merged = of_kind(rows, "trained"), of_kind(rows, "merged")
    return {share: (trained[share], group[0]) for share, group in merged.items() if share in trained}


def table_of_merged(merged: dict[float, tuple[list[Row], Row]]) -> str:
    """Losses of merged experts beside those of trained runs, and their rank correlation over the ratios."""
    from scipy.stats import spearmanr

    lines = ["| general text | domain, trained | domain, merged | general, trained | general, merged |", "|---|---|---|---|---|"]
    for share, (trained, one) in merged.items():
        cells = [f"{value:.4f}" for name in DOMAINS for value in (statistics.mean(losses(trained, name)), float(one[f"bits.{name}"]))]
        lines.append(f"| {share:.0%} | {' | '.join(cells)} |")
    ranks = [
        spearmanr([statistics.mean(losses(t, name)) for t, _ in merged.values()], [float(m[f"bits.{name}"]) for _, m in merged.values()])[0] for name in DOMAINS
    ]
    lines += ["", "Spearman's rank correlation over the ratios: " + ", ".join(f"{name} {rank:.2f}" for name, rank in zip(DOMAINS, ranks, strict=True)) + "."]
    return "\n".join(lines)


def plot_losses(rows: list[Row], suggestion: dict[str, Any], path: Path) -> None:
    """Both losses over the share: runs, prediction with its 95% interval of one run, and the confirming runs."""
    figure, panels = _figure(2, (8.5, 3.6))
    curve = suggestion["curve"]
    flipped = curve["source"] == "domain"
    for axes, name in zip(panels, DOMAINS, strict=True):
        shares = [1 - point["share"] if flipped else point["share"] for point in curve["points"]]
        low, value, high = zip(*(point["losses"][name] for point in curve["points"]), strict=True)
        axes.fill_between(shares, low, high, color="tab:blue", alpha=0.15, lw=0)
        axes.plot(shares, value, color="tab:blue", lw=1)
        for kind, colour in (("trained", "0.3"), ("confirmation", "tab:red")):
            for share, group in of_kind(rows, kind).items():
                axes.scatter([share] * len(group), losses(group, name), s=14, color=colour, zorder=3, label=kind)
        axes.set(xlabel="share of general text", ylabel=f"{name}, bits per byte")
    handles = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
    panels[0].legend(handles.values(), handles.keys(), frameon=False)
    _save(figure, path)


def plot_frontier(rows: list[Row], base: dict[str, float], suggestion: dict[str, Any], path: Path) -> None:
    """Gain against forgetting, one point a run; the predicted point with its intervals, and the budget."""
    figure, (axes,) = _figure(1, (5.5, 4))
    for kind, colour in (("trained", "0.5"), ("confirmation", "tab:red")):
        group = [row for row in rows if row["kind"] == kind]
        axes.scatter(losses(group, "domain"), losses(group, "general"), s=16, color=colour, label=kind, zorder=2)
    at = {domain["name"]: domain for domain in suggestion["domains"]}
    x, y = (at[name]["predicted"] for name in DOMAINS)
    errors = [[[e["value"] - e["low"]], [e["high"] - e["value"]]] for e in (x, y)]
    axes.errorbar([x["value"]], [y["value"]], xerr=errors[0], yerr=errors[1], color="tab:blue", capsize=3, label="predicted, 95%", zorder=3)
    axes.axhline(base["general"] * (1 + at["general"]["max_increase"]), color="0.4", lw=1, ls=":", label="budget")
    axes.set(xlabel="domain (new), bits per byte", ylabel="general (old), bits per byte")
    axes.legend(frameon=False)
    _save(figure, path)


def plot_merged(merged: dict[float, tuple[list[Row], Row]], path: Path) -> None:
    """Merged against trained losses over the share."""
    figure, panels = _figure(2, (8.5, 3.6))
    for axes, name in zip(panels, DOMAINS, strict=True):
        axes.plot(list(merged), [statistics.mean(losses(t, name)) for t, _ in merged.values()], "o-", color="0.3", label="trained", ms=4, lw=1)
        axes.plot(list(merged), [float(m[f"bits.{name}"]) for _, m in merged.values()], "s--", color="tab:orange", label="merged", ms=4, lw=1)
        axes.set(xlabel="share of general text", ylabel=f"{name}, bits per byte")
    panels[0].legend(frameon=False)
    _save(figure, path)


def _figure(n_panels: int, size: tuple[float, float]) -> Any:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "cptkit"
    figure, panels = pyplot.subplots(1, n_panels, figsize=size, squeeze=False)
    for axes in panels[0]:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels[0]


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
