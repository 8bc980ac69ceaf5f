from pathlib import Path

import pytest

from curate.errors import CurateError
from tests.curate.corpus import document
from tests.curate.steps.flow import run_on, table

DOUBLED = "import numpy as np\n\ndef doubled(block):\n    return {'n_doubled_words': 2 * np.diff(block.words.doc_offsets)}\n\nSIGNALS = (doubled,)\n"


def test_rules_bring_their_signals_and_the_recipe_can_ask_for_more(tmp_path: Path):
    mine = tmp_path / "mine.py"
    mine.write_text(DOUBLED)
    rules = tmp_path / "mine.yaml"
    rules.write_text("{name: mine, dialect: own, source: us, rules: [{name: few, value: n_doubled_words, drop_if: '<', threshold: 10}]}")
    run_on(tmp_path, ["x = 1\n", document(3)], rules=["code_stack", str(rules)], signals=["maths", str(mine)])
    first, second = table(tmp_path, "signals")
    assert (first["n_doubled_words"], first["max_line_chars"], first["n_math_symbols"]) == (6, 5, 0)
    assert "dclm_n_words" not in second
    assert [row["rule"] for row in table(tmp_path, "verdicts")] == ["mine/few"]


def test_a_rule_set_without_what_it_needs_is_refused_before_any_work(tmp_path: Path):
    with pytest.raises(CurateError, match=r"c4_lorem_ipsum was not measured; its rule set needs `rewrite: \{c4: \{\}\}`"):
        run_on(tmp_path, [document(4)], rules=["c4"])
    assert not list((tmp_path / "out").glob("documents/*"))
