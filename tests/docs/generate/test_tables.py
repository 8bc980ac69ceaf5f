"""Tables of formats, signals and rule sets hold what the code has."""

import re
from pathlib import Path
from typing import get_args

from curate.extract.recipe import ExtractorName
from curate.rules.ruleset import load_rules, shipped_rules
from curate.signals.groups import GROUPS, signal_names
from docs.generate.tables import formats, rule_sets, signals

DOCS = Path(__file__).parents[3] / "docs"


def test_every_suffix_leads_to_a_format():
    rows = [line for line in formats().splitlines() if line.startswith("| `.jsonl")]
    assert len(rows) == 1 and "| `jsonl` |" in rows[0] and "`text_column`" in rows[0]


def test_every_group_of_signals_and_every_rule_stands_in_a_section():
    assert [line[4:] for line in signals().splitlines() if line.startswith("### ")] == list(GROUPS)
    text = rule_sets()
    assert all(f"| `{rule.name}` |" in text for name in shipped_rules() for rule in load_rules(name).rules)


def test_every_extractor_stands_on_the_page_of_formats():
    page = (DOCS / "reference" / "formats.md").read_text()
    assert all(f"| `{name}` |" in page for name in get_args(ExtractorName))


def test_every_variable_of_ours_stands_on_the_page_of_the_environment():
    page = (DOCS / "reference" / "environment.md").read_text()
    rooms = (path for room in ("shards", "curate", "tokenize_tools", "mix", "train", "eval") for path in (DOCS.parent / room).rglob("*.py"))
    names = {name for path in rooms for name in re.findall(r"environ\.get\(\"([A-Z_]+)\"", path.read_text())}
    assert {"CPTKIT_CACHE", "CPTKIT_CACHE_BYTES"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_every_signal_of_the_groups_is_described():
    described = set(re.findall(r"`([\w{}]+)`", "\n".join(line.split(": ")[0] for line in signals().splitlines() if line.startswith("- "))))
    assert {re.sub(r"_\d+_", "_{n}_", name) for name in signal_names(GROUPS)} == described
