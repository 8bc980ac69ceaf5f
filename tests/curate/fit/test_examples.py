from pathlib import Path

import polars as pl
import pytest

from curate.errors import CurateError
from curate.fit.examples import read_examples, read_texts
from tests.curate.corpus import jsonl


def test_labels_are_read_from_columns_metadata_and_lists(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.md").write_text("---\ntopics: [law, tax]\n---\nThe court.\n")
    (folder / "b.csv").write_text("text,topics\nThe sail.,sailing\n,law\n")
    (folder / "c.txt").write_text("No label.")
    table = pl.concat([pl.DataFrame(some) for some in read_examples(str(folder), label_column="topics")])
    assert table.rows() == [("The court.\n", "law"), ("The sail.", "sailing"), ("No label.", None)]


def test_lines_become_examples_with_the_label_of_their_document(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(jsonl([{"text": "a\n\nb", "topic": "x"}, {"text": "c", "topic": "y"}]))
    table = pl.concat([pl.DataFrame(batch) for batch in read_examples(str(tmp_path / "in.jsonl"), label_column="topic", one_per_line=True)])
    assert table.rows() == [("a", "x"), ("b", "x"), ("c", "y")]


def test_inputs_without_the_label_are_refused_and_texts_are_read_in_order(tmp_path: Path) -> None:
    for name in "ba":
        (tmp_path / f"{name}.txt").write_text(name)
    paths = [str(tmp_path / "b.txt"), str(tmp_path / "a.txt")]
    assert [text for texts in read_texts(paths) for text in texts.to_pylist()] == ["b", "a"]
    with pytest.raises(CurateError, match="no document has a 'kind', neither as a column nor in its metadata; check label_column"):
        list(read_examples(paths[0], label_column="kind"))
