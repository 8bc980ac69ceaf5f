"""A suggestion at the terminal."""

from pathlib import Path

from mix.suggest.confirm import words
from mix.suggest.record import DomainRecord, RateCandidate, SuggestionRecord
from shards.console import print_table, show_text, summary

_MOST_RATES = 8
"""Combinations of learning rate, tokens and ratio that are printed; suggestion.json has all."""


def show(suggestion: SuggestionRecord, out: Path) -> None:
    """Print shares, predicted losses, forms, next experiments and notes, then what was written."""
    print_table(
        f"{suggestion.name}: {suggestion.status} ratio",
        ("source", "share", "as good as it"),
        [(name, f"{share:.2%}", interval_of_shares(suggestion, name)) for name, share in suggestion.shares.items()],
    )
    columns = ("domain", "base", "predicted", "95% of runs", "change", "budget", "kept with", "before correction")
    print_table("losses predicted for one run", columns, map(_cells, suggestion.domains))
    forms = [(domain.name, forms_words(domain)) for domain in suggestion.domains]
    print_table("forms of law, by held-out weight", ("domain", "weights"), forms)
    if suggestion.next_runs:
        print_table("runs worth adding", ("ratio", "why"), [(ratio_words(run.shares), run.why) for run in suggestion.next_runs])
    if suggestion.rates is not None:
        title = "learning rate, tokens and ratio together, best first"
        print_table(title, ("ratio", "lr", "tokens", "target", "95% of runs", "budgets kept with"), map(_rate_cells, suggestion.rates.candidates[:_MOST_RATES]))
    for line in [*outcome_lines(suggestion), *suggestion.notes]:
        show_text(line)
    files = {"suggestion": "suggestion.json", "page": "suggestion.html", "mix recipe": "mix.yaml", "next runs": "next.yaml", "confirmation": "confirm.yaml"}
    lines = {"ratio": ratio_words(suggestion.shares), "status": status_words(suggestion), "flattery": flattery_words(suggestion)}
    lines["binding"] = binding_words(suggestion)
    summary(f"suggested {suggestion.name}", lines | {what: out / name for what, name in files.items() if (out / name).is_file()})


def ratio_words(shares: dict[str, float]) -> str:
    """`28.6% general, 71.4% law`; sources without a share are left out."""
    return ", ".join(f"{share:.1%} {name}" for name, share in shares.items() if share > 5e-4)


def interval_of_shares(suggestion: SuggestionRecord, name: str) -> str:
    """Lowest and highest share of a source among ratios that are statistically as good."""
    return f"{suggestion.region.lowest[name]:.1%} to {suggestion.region.highest[name]:.1%}"


def status_words(suggestion: SuggestionRecord) -> str:
    """One sentence on whether runs confirmed the ratio."""
    if suggestion.status == "confirmed":
        n_runs = len(suggestion.confirmations[-1].runs)
        return f"confirmed by {n_runs} run{'s' * (n_runs > 1)} at this ratio"
    broken = " The ratio suggested before broke its budget when it was run." if suggestion.confirmations else ""
    return f"provisional until a run at this ratio is in the table; `mix proxies` runs it from confirm.yaml.{broken}"


def flattery_words(suggestion: SuggestionRecord) -> str:
    """How much the predicted optimum flatters itself."""
    target = suggestion.target
    if abs(target.flattery) < 5e-5:
        return f"the predicted optimum flatters itself by less than 0.0001 {target.unit}, so its target of {target.predicted.value:.4f} stands"
    return (
        f"the lowest of many predictions is too low by {target.flattery:.4f} {target.unit} on average; "
        f"the target is corrected from {target.uncorrected:.4f} to {target.predicted.value:.4f}"
    )


def binding_words(suggestion: SuggestionRecord) -> str:
    """What holds the optimum back."""
    return "; ".join(one.words for one in suggestion.binding) or "nothing: the ratio is best among all that are allowed"


def forms_words(domain: DomainRecord) -> str:
    """Weights of the forms of law, the largest first; those below 1% are left out."""
    ranked = sorted(domain.forms.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {weight:.0%}" for name, weight in ranked if weight >= 0.01)


def outcome_lines(suggestion: SuggestionRecord) -> list[str]:
    """One sentence for each domain of each confirmation, with its ratio."""
    return [f"at {ratio_words(one.shares)}, {line}" for one in suggestion.confirmations for line in words(one)]


def change_words(domain: DomainRecord) -> str:
    """Predicted change over the base in percent; a dash without a base."""
    return "–" if domain.base is None else f"{domain.predicted.value / domain.base - 1:+.2%}"


def _rate_cells(candidate: RateCandidate) -> tuple[str, ...]:
    target = candidate.target
    kept = min(candidate.budget_kept.values(), default=None)
    interval = f"{target.low:.4f} to {target.high:.4f}"
    return ratio_words(candidate.shares), f"{candidate.lr:g}", f"{candidate.tokens:,}", f"{target.value:.4f}", interval, "–" if kept is None else f"{kept:.1%}"


def _cells(domain: DomainRecord) -> tuple[str, ...]:
    predicted, no = domain.predicted, "–"
    return (
        domain.name,
        no if domain.base is None else f"{domain.base:.4f}",
        f"{predicted.value:.4f} {domain.unit}",
        f"{predicted.low:.4f} to {predicted.high:.4f}",
        change_words(domain),
        no if domain.max_increase is None else f"{domain.max_increase:+.2%}",
        no if domain.budget_kept is None else f"{domain.budget_kept:.1%}",
        f"{domain.uncorrected:.4f}",
    )
