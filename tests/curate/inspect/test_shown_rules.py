from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.inspect.shown_rules import print_rule_set, print_rule_sets
from curate.rules.ruleset import load_rules, shipped_rules


def test_every_rule_set_is_listed_with_dialect_and_source(capsys: pytest.CaptureFixture[str]):
    print_rule_sets()
    shown = " ".join(capsys.readouterr().out.split())
    for name in shipped_rules():
        rules = load_rules(name)
        assert f"{name} ({rules.dialect}, {len(rules.rules)} rules)" in shown
        assert rules.source.split()[0] in shown


def test_a_rule_set_is_shown_with_thresholds_conditions_and_what_measures_its_signals(capsys: pytest.CaptureFixture[str]):
    print_rule_set("c4")
    shown = capsys.readouterr().out
    assert "too_few_sentences" in shown and "n_line_sentences" in shown and "5" in shown
    assert "measured by `rewrite: {c4: {}}`: c4_curly_bracket, c4_lorem_ipsum" in shown
    assert "signals of the group c4: n_line_sentences" in shown
    print_rule_set("code")
    assert "n_code_lines, where json_like = 1" in capsys.readouterr().out


def test_ones_own_rule_set_is_shown_by_path_and_an_unknown_one_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    mine = tmp_path / "mine.yaml"
    mine.write_text("{name: mine, dialect: own, source: us, rules: [{name: few, value: n_words / 2, drop_if: '<', threshold: 0.5}]}")
    print_rule_set(str(mine))
    assert "mine (own)" in capsys.readouterr().out
    with pytest.raises(CurateError, match="no rule set is called nothing"):
        print_rule_set("nothing")
