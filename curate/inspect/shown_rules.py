"""`curate rules`: list the rule sets, or show one."""

import textwrap

from curate.rules.ruleset import Rule, RuleSet, load_rules, shipped_rules
from curate.signals.groups import group_of
from shards import console

_WIDTH = 120


def print_rule_sets() -> None:
    """Print the shipped rule sets with dialect, source and remarks."""
    for name in shipped_rules():
        rules = load_rules(name)
        console.show_text(f"{name} ({rules.dialect}, {len(rules.rules)} rules)")
        _print_indented(rules.source)
        _print_indented(rules.about)
    console.show_text("curate rules NAME shows the rules of one; what a rule set is: docs/reference/rules.md")


def print_rule_set(name: str) -> None:
    """Print a rule set: rules, thresholds and the origin of its signals. Raises CurateError for an unknown name."""
    rules = load_rules(name)
    console.show_text(f"{rules.name} ({rules.dialect})")
    _print_indented(rules.source)
    _print_indented(rules.about)
    console.print_table("a document is dropped if", ["rule", "value", "", "threshold"], [_row(rule) for rule in rules.rules])
    for source, signals in _origins(rules).items():
        console.show_text("\n".join(textwrap.wrap(f"{source}: {', '.join(signals)}", _WIDTH, subsequent_indent="  ")))


def _row(rule: Rule) -> tuple[str, str, str, str]:
    value = rule.value if rule.when is None else f"{rule.value}, where {rule.when}"
    return rule.name, value, rule.drop_if, rule.threshold if isinstance(rule.threshold, str) else f"{rule.threshold:g}"


def _origins(rules: RuleSet) -> dict[str, list[str]]:
    """Signals that the rules read, grouped by what measures them."""
    origins: dict[str, list[str]] = {}
    for signal in sorted(rules.signals()):
        group = group_of(signal)
        origin = f"signals of the group {group}" if group else f"measured by `{rules.needs}`" if rules.needs else "measured elsewhere"
        origins.setdefault(origin, []).append(signal)
    return origins


def _print_indented(text: str) -> None:
    if text:
        console.show_text(textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="  "))
