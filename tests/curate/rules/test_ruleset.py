from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.rules.decide import check_signals, load_rules, shipped_rules
from curate.signals.groups import GROUPS, signal_names
from tests.curate.rules.files import rule_file


def test_shipped_rules_are_listed_and_read_signals_that_exist():
    assert {"gopher_quality", "gopher_repetition", "fineweb"} <= set(shipped_rules())
    for name in shipped_rules():
        rules = load_rules(name)
        if not rules.needs:
            check_signals(rules, signal_names(GROUPS))


def test_an_unknown_rule_set_lists_those_there_are():
    with pytest.raises(CurateError, match=r"no rule set is called gopher:.*gopher_quality"):
        load_rules("gopher")


def test_a_missing_file_of_rules_is_named(tmp_path: Path):
    with pytest.raises(CurateError, match=r"none\.yaml: no such"):
        load_rules(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ("- {name: a, value: 'n_words /', drop_if: '<', threshold: 3}\n", "not a polars SQL expression"),
        ("- {name: a, value: n_words, drop_if: '=', threshold: 3}\n", "rules.0.drop_if"),
        ("- {name: a, value: n_words, drop_if: '<', treshold: 3}\n", "did you mean threshold"),
        ("- {name: a, value: n_words, drop_if: '<'}\n", "rules.0.threshold: required"),
        ("- {name: a, value: x, drop_if: '<', threshold: 3}\n- {name: a, value: y, drop_if: '<', threshold: 3}\n", "two rules are called a"),
        ("  []\n", "no rules"),
    ],
)
def test_faulty_rules_are_refused_with_the_key_and_the_fault(tmp_path: Path, rules: str, fault: str):
    with pytest.raises(CurateError, match=fault):
        load_rules(rule_file(tmp_path, rules))
