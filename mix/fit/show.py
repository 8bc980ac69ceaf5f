"""What `mix fit` prints."""

from collections.abc import Callable, Sequence
from typing import Any

from mix.fit.choose import WORDS
from mix.fit.trivial import WORDS as GUESS_WORDS
from shards.console import print_table, show_text

MOST_POINTS = 20
"""Predictions shown of a domain; `fit.json` has all."""
MOST_SOURCES = 6
"""With more sources, only the N_LARGEST shares of a point are shown."""
N_LARGEST = 3


def show(fit: dict[str, Any]) -> None:
    """Print the verdicts, for each domain its laws and predictions, and what was cleaned in the table."""
    for sentence in fit["verdict"]:
        show_text(sentence)
    for name, domain in fit["domains"].items():
        show_text("")
        _show_laws(name, domain)
        _show_doubts(domain)
        _show_predictions(name, domain, fit)
        show_critical(name, domain)
    if fit["notes"]:
        show_text("")
    for note in fit["notes"]:
        show_text(f"note: {note}")


def _show_laws(name: str, domain: dict[str, Any]) -> None:
    split = domain["chosen_by"] or next(iter(domain["trivial"]), None)
    noise = f", noise between seeds {domain['noise']:.4g} ({domain['noise_freedom']} degrees of freedom)" if domain["noise"] is not None else ""
    title = f"{name}: {domain['runs']} runs at {domain['ratios']} ratios, in {domain['unit']}{noise}"
    guesses = domain["trivial"].get(split, {})
    trivial = min(guesses, key=lambda guess: guesses[guess]["mean_absolute"], default=None)
    against = "" if trivial is None else f"{guesses[trivial]['mean_absolute']:.4g} ({GUESS_WORDS[trivial]})"
    columns = ("law", "parameters", f"error on {WORDS[split]}" if split else "error", "best trivial guess", "misfit", "verdict")
    fitted = [law for law in domain["candidates"] if law["problem"] is None]
    print_table(title, columns, [(*_law_cells(law, split, against), _brief(law, law["law"] == domain["chosen"])) for law in fitted])
    for problem in dict.fromkeys(law["problem"] for law in domain["candidates"] if law["problem"] is not None):
        show_text(f"not tried: {', '.join(law['law'] for law in domain['candidates'] if law['problem'] == problem)}: {problem}")
    show_text(f"chosen: {domain['chosen']} ({domain['reason']})")


def _law_cells(law: dict[str, Any], split: str | None, against: str) -> tuple[str, ...]:
    errors = law["held_out"].get(split)
    error = "not tested" if errors is None else f"{errors['mean_absolute']:.4g} ({errors['percent']:.2f}%)"
    misfit = law["lack_of_fit"]
    chi = "unknown" if misfit is None else f"χ² {misfit['reduced_chi_squared']:.2g} on {misfit['freedom']}{', fails' if misfit['fails'] else ''}"
    return (law["law"], str(law["n_free"] or "trees"), error, against, chi)


def _brief(law: dict[str, Any], is_chosen: bool) -> str:
    worse = [WORDS[split] for split in law["worse_than"]]
    judged = f"worse than a trivial guess on {' and '.join(worse)}" if worse else "better than the trivial guesses" if law["held_out"] else "not tested"
    return f"{judged}; chosen" if is_chosen else judged


def _show_doubts(domain: dict[str, Any]) -> None:
    law = next(law for law in domain["candidates"] if law["law"] == domain["chosen"])
    misfit = law["lack_of_fit"]
    if misfit is not None and misfit["fails"]:
        show_text(f"the form fails: the law misses the mean losses by more than the noise between seeds explains (p = {misfit['p']:.2g})")
    if law["unidentified"]:
        show_text(f"unidentified: {'; '.join(law['unidentified'])}")
    for warning in law["warnings"]:
        show_text(f"warning: {warning}")


def _show_predictions(name: str, domain: dict[str, Any], fit: dict[str, Any]) -> None:
    points = [fit["points"][facts["point"]] for facts in domain["predictions"]]
    sizes = [key for key in ("parameters", "tokens") if len({point[key] for point in points}) > 1]
    shares, cells_of = _share_columns(fit["table"]["sources"], [point["shares"] for point in points])
    rows = []
    for facts, point in zip(domain["predictions"][:MOST_POINTS], points, strict=False):
        numbers = ["?" if point[key] is None else f"{point[key]:.4g}" for key in sizes]
        ends = [_interval(facts["low"], facts["high"]), _interval(facts["run_low"], facts["run_high"])]
        rows.append((*cells_of(point["shares"]), *numbers, facts["runs"], f"{facts['observed']:.4f}", f"{facts['value']:.4f}", *ends))
    more = f", the first {MOST_POINTS} of {len(points)} points" if len(points) > MOST_POINTS else ""
    print_table(f"{name} by {domain['chosen']}{more}", (*shares, *sizes, "runs", "observed", "predicted", "interval", "of one run"), rows)


def _share_columns(sources: Sequence[str], shares: Sequence[Sequence[float]]) -> tuple[list[str], Callable[[Sequence[float]], list[str]]]:
    """Columns that show shares, and a point's cells: one for each source that any point has, or the largest shares in one column if there are many."""
    used = [index for index in range(len(sources)) if any(row[index] for row in shares)]
    if len(used) <= MOST_SOURCES:
        return [sources[index] for index in used], lambda row: [f"{row[index]:.4g}" for index in used]

    def largest(row: Sequence[float]) -> list[str]:
        order = sorted(used, key=lambda index: -row[index])[:N_LARGEST]
        return [", ".join(f"{sources[index]} {row[index]:.2g}" for index in order if row[index])]

    return ["largest shares"], largest


def show_critical(name: str, domain: dict[str, Any]) -> None:
    """Print where the loss meets the base model's; nothing where every measured share keeps it below."""
    facts = domain["critical"]
    if facts is None or facts["share"] == facts["smallest"]:
        return
    base = f"the base model's {domain['base']:.4f}"
    if facts["share"] is None:
        show_text(f"no share of {facts['source']} from {facts['smallest']:.3g} to {facts['largest']:.3g} keeps the loss of {name} at or below {base}")
        return
    interval = "" if facts["low"] is None else f" (interval {facts['low']:.3f} to {facts['high']:.3f})"
    show_text(f"critical share: from {facts['share']:.3f} of {facts['source']}{interval} on, the loss of {name} ends at or below {base}")


def _interval(low: float | None, high: float | None) -> str:
    return "unknown" if low is None or high is None else f"{low:.4f} to {high:.4f}"
