from pathlib import Path

import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.rules.ruleset import load_rules, shipped_rules
from curate.signals.groups import DEFAULT_GROUPS, GROUPS, group_of, groups_for, signal_names
from curate.signals.measure import measure
from curate.words.spacy_words import WordSplitter

MINE = """
import numpy as np

def doubled(block):
    return {"n_doubled_words": 2 * np.diff(block.words.doc_offsets)}

SIGNALS = (doubled,)
"""


def test_only_the_groups_that_are_asked_for_are_measured():
    texts = pa.array(["One two three. Four."])
    assert measure(texts, WordSplitter(), ["c4"]).to_pylist() == [{"n_line_sentences": 2, "n_long_lines": 0}]
    assert measure(texts, WordSplitter()).schema.names == signal_names() == signal_names(DEFAULT_GROUPS)


def test_no_two_signals_have_the_same_name():
    names = signal_names(GROUPS)
    assert len(set(names)) == len(names)


def test_the_default_groups_hold_all_that_the_default_rule_sets_read():
    read = {name for rules in ("gopher_quality", "gopher_repetition", "fineweb", "c4") for name in load_rules(rules).signals()}
    assert {name for name in read if not name.startswith("c4_")} <= set(signal_names())


def test_every_shipped_rule_set_brings_the_groups_it_reads():
    for name in shipped_rules():
        signals = load_rules(name).signals()
        assert {signal for signal in signals if group_of(signal)} <= set(signal_names(groups_for(signals)))


def test_groups_come_in_one_order_and_once_however_they_are_asked_for():
    assert groups_for([], ["fineweb", "c4"]) == groups_for(["n_line_sentences", "not_a_signal"]) == DEFAULT_GROUPS
    assert group_of("n_line_sentences") == "c4"
    assert group_of("not_a_signal") is None


def test_a_signal_of_ones_own_is_one_function_in_a_file(tmp_path: Path):
    mine = tmp_path / "mine.py"
    mine.write_text(MINE)
    assert groups_for([], [str(mine)]) == (*DEFAULT_GROUPS, str(mine))
    assert measure(pa.array(["one two", ""]), WordSplitter(), [str(mine)]).to_pydict() == {"n_doubled_words": [4, 0]}


@pytest.mark.parametrize(
    ("name", "fault"),
    [("maths_", "no group is called maths_; there are sizes, "), ("none.py", "none.py: no such file"), ("empty.py", "AttributeError.*it must define SIGNALS")],
)
def test_a_group_that_cannot_be_loaded_is_named_with_what_to_do(tmp_path: Path, name: str, fault: str):
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(CurateError, match=fault):
        measure(pa.array(["one"]), WordSplitter(), [str(tmp_path / name) if name.endswith(".py") else name])
