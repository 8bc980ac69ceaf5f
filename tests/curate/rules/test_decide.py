from pathlib import Path

import polars as pl
import pytest

from curate.errors import CurateError
from curate.rules.decide import check_signals, decide, first_reason, load_rules
from curate.signals.groups import signal_names
from tests.curate.rules.files import rule_file

NAN = float("nan")


def test_every_rule_is_tried_and_rows_come_in_order_of_documents_then_rules(tmp_path: Path):
    rules = load_rules(
        rule_file(
            tmp_path, "- {name: few, value: n_words, drop_if: '<', threshold: 3}\n- {name: hashes, value: n_hashes / n_words, drop_if: '>', threshold: 0.5}\n"
        )
    )
    verdicts = decide(pl.DataFrame({"n_words": [2, 10, 1], "n_hashes": [2, 1, 1]}), rules)
    assert verdicts.rows() == [(0, "mine/few", 2.0, 3.0), (0, "mine/hashes", 1.0, 0.5), (2, "mine/few", 1.0, 3.0), (2, "mine/hashes", 1.0, 0.5)]
    assert verdicts.schema == {"row": pl.Int64, "rule": pl.String, "value": pl.Float64, "threshold": pl.Float64}


@pytest.mark.parametrize(("drop_if", "dropped"), [("<", [0]), ("<=", [0, 1]), (">", [2]), (">=", [1, 2])])
def test_a_value_at_the_threshold_is_dropped_only_by_the_operators_that_include_it(tmp_path: Path, drop_if: str, dropped: list[int]):
    rules = load_rules(rule_file(tmp_path, f"- {{name: one, value: x, drop_if: '{drop_if}', threshold: 1}}\n"))
    assert decide(pl.DataFrame({"x": [0.5, 1.0, 1.5]}), rules)["row"].to_list() == dropped


def test_null_and_nan_drop_nothing_and_zero_is_a_value(tmp_path: Path):
    rules = load_rules(rule_file(tmp_path, "- {name: low, value: x, drop_if: '<', threshold: 1}\n- {name: high, value: x, drop_if: '>=', threshold: 0}\n"))
    verdicts = decide(pl.DataFrame({"x": [None, NAN, 0.0]}), rules)
    assert verdicts["row"].to_list() == [2, 2]


def test_a_rule_is_not_tried_where_its_condition_is_not_true(tmp_path: Path):
    rules = load_rules(rule_file(tmp_path, "- {name: odd, value: x, when: \"language = 'en' and x > 0\", drop_if: '<', threshold: 5}\n"))
    signals = pl.DataFrame({"x": [1, 1, -1, 1], "language": ["en", "de", "en", None]})
    assert decide(signals, rules)["row"].to_list() == [0]


def test_the_first_reason_is_that_of_a_program_that_stops_at_the_first_rule(tmp_path: Path):
    rules = load_rules(rule_file(tmp_path, "- {name: low, value: x, drop_if: '<', threshold: 1}\n- {name: lower, value: x, drop_if: '<', threshold: 2}\n"))
    verdicts = decide(pl.DataFrame({"x": [0, 9, 1]}), rules)
    assert first_reason(verdicts, 3).to_list() == ["mine/low", None, "mine/lower"]
    assert first_reason(verdicts.clear(), 2).to_list() == [None, None]


def test_no_documents_give_no_verdicts():
    rules = load_rules("fineweb")
    empty = pl.DataFrame({name: [] for name in signal_names()}, schema=dict.fromkeys(signal_names(), pl.Float64))
    assert decide(empty, rules).height == 0


def test_an_unknown_signal_is_named_with_its_rule_and_the_nearest_that_exists(tmp_path: Path):
    rules = load_rules(rule_file(tmp_path, "- {name: few, value: n_wrods, drop_if: '<', threshold: 3}\n"))
    with pytest.raises(CurateError, match=r"rule mine/few: no signal is called n_wrods; did you mean n_words\?"):
        decide(pl.DataFrame({"n_words": [1]}), rules)


def test_a_signal_that_was_not_measured_says_what_to_add_to_the_recipe():
    with pytest.raises(CurateError, match=r"rule fineweb/line_punct_ratio: line_punct_ratio was not measured; add `signals: \[fineweb\]` to the recipe"):
        check_signals(load_rules("fineweb"), ["n_lines", "n_newlines"])
    with pytest.raises(CurateError, match=r"rule c4/lorem_ipsum: c4_lorem_ipsum was not measured; its rule set needs `rewrite: \{c4: \{\}\}`"):
        check_signals(load_rules("c4"), signal_names())


def test_a_signal_that_is_no_number_is_named(tmp_path: Path):
    rules = load_rules(rule_file(tmp_path, "- {name: few, value: language, drop_if: '<', threshold: 3}\n"))
    with pytest.raises(CurateError, match="rule few: cannot compute language"):
        decide(pl.DataFrame({"language": ["en"]}), rules)
