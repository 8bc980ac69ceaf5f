"""Suggestions of `mix suggest` in a report: what they predict, beside what was observed."""

from typing import Any

from eval.errors import EvalError
from eval.report.words import join
from eval.suggestion import SuggestionRecord, predicted_change

Json = dict[str, Any]


def suggestion_content(name: str, suggestion: SuggestionRecord, domains: list[str]) -> Json:
    """A suggestion in the report: its shares, and the predicted change over its base of each domain that was scored. Raises EvalError if there is none."""
    known = [domain for domain in suggestion.domains if domain.name in domains]
    if not known:
        predicted = join(domain.name for domain in suggestion.domains)
        raise EvalError(f"suggestions.{name}: it predicts {predicted}, and the scores are of {join(domains)}; name the domains of both alike")
    changes = {domain.name: predicted_change(domain) for domain in known if domain.base is not None}
    if not changes:
        raise EvalError(f"suggestions.{name}: it knows no base loss of {join(domain.name for domain in known)}; add the base model to its table of runs")
    return {"name": name, "status": suggestion.status, "shares": suggestion.shares, "changes": changes, "sentence": _sentence(name, suggestion, changes)}


def _sentence(name: str, suggestion: SuggestionRecord, changes: Json) -> str:
    shares = join(f"{share:.1%} {source}" for source, share in suggestion.shares.items() if share > 0)
    parts = join(
        f"{change['before']:.3f} → {change['after']:.3f} bits per byte on {domain} (95% interval {change['before'] + change['low']:.3f} to "
        f"{change['before'] + change['high']:.3f})"
        for domain, change in changes.items()
    )
    return f"Suggested as {name}, {suggestion.status}: {shares}. Predicted for one run: {parts}."
