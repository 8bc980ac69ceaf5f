import json

import pyarrow as pa
import pytest

from curate.decontaminate.evals import EvalItem, read_items
from curate.decontaminate.recipe import DecontaminateRecipe, EvalRecipe
from curate.errors import CurateError


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "tsv", "parquet"])
def test_items_come_from_every_format_with_lists_and_objects_flattened(tmp_path, kind):
    rows = [{"question": "How many?", "choices": ["one", "two"], "answer": 1, "more": {"why": "because"}}]
    flat = [{"question": "How many?", "why": "because"}]
    path = tmp_path / f"e.{kind}"
    if kind == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind in ("csv", "tsv"):
        mark = "," if kind == "csv" else "\t"
        path.write_text("\n".join(mark.join(line) for line in (flat[0].keys(), flat[0].values())) + "\n")
    else:
        path.write_text(json.dumps(rows if kind == "json" else rows[0]))
    expected = ["How many?", "because"] if kind in ("csv", "tsv") else ["How many?", "one", "two", "because"]
    assert list(read_items(EvalRecipe(path=str(path)))) == [EvalItem(f"e.{kind}:0", expected)]


def test_text_without_header_and_compressed_files_are_read(tmp_path):
    import bz2

    (tmp_path / "a.txt.bz2").write_bytes(bz2.compress(b"q1\na1\nq2\na2\n"))
    assert [item.texts for item in read_items(EvalRecipe(path=str(tmp_path / "a.txt.bz2"), lines=2))] == [["q1 a1"], ["q2 a2"]]
    (tmp_path / "m.csv").write_text('"Which, then?",4,2,B\n')
    assert [item.texts for item in read_items(EvalRecipe(path=str(tmp_path / "m.csv"), header=False, columns=("0", "2")))] == [["Which, then?", "2"]]


def test_a_wrong_path_or_column_is_refused_by_name(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"q": "x"}\n{"q": 1}\n')
    with pytest.raises(CurateError, match=r"evals a: .*a\.jsonl:0: no column question; its columns: q"):
        list(read_items(EvalRecipe(path=str(tmp_path / "a.jsonl"), columns=("question",))))
    with pytest.raises(CurateError, match="evals b: no files at"):
        list(read_items(EvalRecipe(path=str(tmp_path / "b.jsonl"))))
    with pytest.raises(ValueError, match="two evals are called a"):
        DecontaminateRecipe(evals=("a.jsonl", "x/a.csv"))  # type: ignore[arg-type]
