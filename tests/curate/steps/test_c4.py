"""Rewriting lines, groups of signals and rule sets through whole runs."""

from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.pipeline.run import Outcome, run
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import document, jsonl, recipe

DOUBLED = "import numpy as np\n\ndef doubled(block):\n    return {'n_doubled_words': 2 * np.diff(block.words.doc_offsets)}\n\nSIGNALS = (doubled,)\n"


def run_on(tmp_path: Path, texts: list[str], **changes: object) -> Outcome:
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    (folder / "a.jsonl").write_bytes(jsonl([{"text": text} for text in texts]))
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe(folder, **{"language": None, "dedup": {"exact": False, "minhash": None}, **changes}))
    return run(load_recipe(path, CurateRecipe), tmp_path / "out", 1)


def table(tmp_path: Path, name: str) -> list[dict]:
    return ShardSet(tmp_path / "out" / name).to_table().to_pylist()


def test_c4_cleans_lines_before_they_are_measured_and_decides_on_what_is_left(tmp_path: Path):
    texts = [
        document(1) + "\nShare this page\nWe use cookies on this site.\nIt was built in 1901.[2]",
        "Only one sentence here.\nAnd no end",
        document(2) + "\nThis one returns { x }.",
        "No line here ends\nas it should",
    ]
    run_on(tmp_path, texts, rewrite={"c4": {}}, rules=["c4"])
    (kept,) = table(tmp_path, "documents")
    assert kept["text"] == document(1) + "\nIt was built in 1901."
    verdicts = [(row["row"], row["rule"]) for row in table(tmp_path, "verdicts")]
    assert verdicts == [(1, "c4/too_few_sentences"), (2, "c4/curly_bracket"), (3, "rewrite/empty"), (3, "c4/too_few_sentences")]
    first = table(tmp_path, "signals")[0]
    assert (first["c4_dropped_no_terminal_punct"], first["c4_dropped_policy"], first["c4_removed_citations"], first["n_lines"]) == (1, 1, 1, 13)


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
