"""The rule sets of a recipe, with the thresholds it changes and without the rules it skips."""

from collections.abc import Iterable

from curate.compare.deciders import COLLECTION_RULES
from curate.errors import CurateError
from curate.rules.decide import RuleSet, check_signals, load_rules
from curate.rules.recipe import RuleSetRecipe


def chosen_rules(chosen: Iterable[RuleSetRecipe]) -> list[RuleSet]:
    """Load and change them. Raises CurateError for a set or rule that does not exist."""
    return [_changed(load_rules(one.name), one) for one in chosen]


def check_rules(rule_sets: Iterable[RuleSet], signals: list[str]) -> None:
    """Raise CurateError for a signal that a rule reads but that is not among those measured."""
    for rules in rule_sets:
        check_signals(rules, signals)


def rule_order(rule_sets: Iterable[RuleSet]) -> list[tuple[str, str]]:
    """(stage, rule) of everything that can drop a document, in the order of the run."""
    own = [("rules", name) for rules in rule_sets for name in rules.rule_names()]
    extraction = [("extract", f"extract/{reason}") for reason in ("timeout", "crashed", "failed", "too_long")]
    before = [("read", "read/unreadable"), ("read", "read/too_long"), *extraction, ("read", "read/empty"), ("rewrite", "rewrite/empty")]
    language = [("http", "http/status"), ("language", "language/not_kept"), ("language", "language/low_confidence")]
    return [*before, *language, *own, *COLLECTION_RULES]


def _changed(rules: RuleSet, recipe: RuleSetRecipe) -> RuleSet:
    names = [rule.name for rule in rules.rules]
    unknown = sorted({*recipe.thresholds, *recipe.skip} - set(names))
    if unknown:
        raise CurateError(f"rules.{recipe.name}: no rule is called {unknown[0]}; it has: {', '.join(names)}")
    skipped = {*recipe.skip, *(["unknown_language"] if recipe.unknown_language == "keep" and rules.figures else [])}
    kept = [rule for rule in rules.rules if rule.name not in skipped]
    return rules.model_copy(update={"rules": tuple(rule.model_copy(update={"threshold": recipe.thresholds.get(rule.name, rule.threshold)}) for rule in kept)})
