"""Rewriting lines, groups of signals and rule sets through whole runs."""

from pathlib import Path

from tests.curate.corpus import document
from tests.curate.steps.flow import run_on, table


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
