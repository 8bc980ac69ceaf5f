"""Tables of formats, signals and rule sets hold what the code has."""

from curate.rules.ruleset import load_rules, shipped_rules
from curate.signals.groups import GROUPS
from docs.generate.tables import formats, rule_sets, signals


def test_every_suffix_leads_to_a_format():
    rows = [line for line in formats().splitlines() if line.startswith("| `.jsonl")]
    assert len(rows) == 1 and "| `jsonl` |" in rows[0] and "`text_column`" in rows[0]


def test_every_group_of_signals_and_every_rule_stands_in_a_section():
    assert [line[4:] for line in signals().splitlines() if line.startswith("### ")] == list(GROUPS)
    text = rule_sets()
    assert all(f"| `{rule.name}` |" in text for name in shipped_rules() for rule in load_rules(name).rules)
