"""The rule sets of a recipe, with its thresholds and without the rules it skips."""

from collections.abc import Iterable

from curate.errors import CurateError
from curate.rules.decide import RuleSet, check_signals, load_rules
from curate.rules.recipe import RuleSetRecipe


def chosen_rules(chosen: Iterable[RuleSetRecipe]) -> list[RuleSet]:
    """Load the sets and apply the recipe's changes. Raises CurateError for an unknown set or rule."""
    return [_changed(load_rules(recipe.name), recipe) for recipe in chosen]


def check_rules(rule_sets: Iterable[RuleSet], signals: list[str]) -> None:
    """Raise CurateError if a rule reads a signal that is not measured."""
    for rules in rule_sets:
        check_signals(rules, signals)


def _changed(rules: RuleSet, recipe: RuleSetRecipe) -> RuleSet:
    names = [rule.name for rule in rules.rules]
    unknown = sorted({*recipe.thresholds, *recipe.skip} - set(names))
    if unknown:
        raise CurateError(f"rules.{recipe.name}: no rule is called {unknown[0]}; it has: {', '.join(names)}")
    skipped = {*recipe.skip, *(["unknown_language"] if recipe.unknown_language == "keep" and rules.figures else [])}
    kept = [rule for rule in rules.rules if rule.name not in skipped]
    return rules.model_copy(update={"rules": tuple(rule.model_copy(update={"threshold": recipe.thresholds.get(rule.name, rule.threshold)}) for rule in kept)})
