"""The rule sets of a recipe, with the thresholds it changes and without the rules it skips."""

from collections.abc import Iterable

from curate.errors import CurateError
from curate.recipe import RuleSetRecipe
from curate.rules.decide import RuleSet, check_signals, load_rules
from curate.signals.measure import signal_names

FACTS = ("source", "language", "language_score", "text_bytes")
"""What rules may read beside the measured signals."""


def chosen_rules(chosen: Iterable[RuleSetRecipe]) -> list[RuleSet]:
    """Load and change them. Raises CurateError for a set or rule that does not exist."""
    return [_changed(load_rules(one.name), one) for one in chosen]


def check_rules(rule_sets: Iterable[RuleSet]) -> None:
    """Raise CurateError for a signal that a rule reads but that nothing measures."""
    known = [*signal_names(), *FACTS]
    for rules in rule_sets:
        check_signals(rules, known)


def rule_order(rule_sets: Iterable[RuleSet]) -> list[tuple[str, str]]:
    """(stage, rule) of everything that can drop a document, in the order of the run."""
    own = [("rules", name) for rules in rule_sets for name in rules.rule_names()]
    before = [("read", "read/unreadable"), ("read", "read/empty"), ("language", "language/not_kept"), ("language", "language/low_confidence")]
    return [*before, *own, ("exact", "exact/duplicate"), ("minhash", "minhash/duplicate")]


def _changed(rules: RuleSet, recipe: RuleSetRecipe) -> RuleSet:
    names = [rule.name for rule in rules.rules]
    unknown = sorted({*recipe.thresholds, *recipe.skip} - set(names))
    if unknown:
        raise CurateError(f"rules.{recipe.name}: no rule is called {unknown[0]}; it has: {', '.join(names)}")
    kept = [rule for rule in rules.rules if rule.name not in recipe.skip]
    return rules.model_copy(update={"rules": tuple(rule.model_copy(update={"threshold": recipe.thresholds.get(rule.name, rule.threshold)}) for rule in kept)})
