"""What holds for every format, whatever its reader does."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.errors import CurateError
from curate.pipeline.measure import MeasureJob, measure_task
from curate.pipeline.run import run
from curate.read.batch import FileFault
from curate.read.documents import check_columns, check_keys, looks_like, read_part
from curate.read.files import list_files
from curate.read.formats import FORMATS, Format
from curate.read.part import FilePart, Tally
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from curate.recipe import CurateRecipe
from shards.read import ShardSet
from shards.stages import Stage
from tests.curate.corpus import document, jsonl, recipe
from tests.curate.read.inputs import one_file, recipe_of, refusal, write

LIMIT = 1000


def long_file(path: Path, texts: list[str]) -> Path:
    records = [{"text": text, "n": index} for index, text in enumerate(texts)]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    elif path.suffix == ".json":
        path.write_text(json.dumps(records, indent=2))
    elif path.suffix == ".csv":
        path.write_text("text,n\n" + "".join(f"{text},1\n" for text in texts))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif path.suffix == ".arrow":
        table = pa.Table.from_pylist(records)
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    else:
        path.write_text("\n".join(texts))
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet", "a.arrow", "a.lines"])
def test_a_document_above_the_limit_is_dropped_with_its_size_and_the_others_stay(tmp_path: Path, name: str) -> None:
    texts = ["short", "é" * (LIMIT // 2), "x" * (LIMIT + 1), "last", "y" * 5 * LIMIT]
    keys = {"format": "lines"} if name == "a.lines" else {}
    (file,), _ = list_files((InputRecipe(path=str(long_file(tmp_path / name, texts)), max_document_bytes=LIMIT, **keys),))  # type: ignore[arg-type]
    tally = Tally()
    rows = [row for batch in read_part(FilePart(file), tally) for row in batch.to_pylist()]
    assert [row["text"] for row in rows] == ["short", "é" * (LIMIT // 2), None, "last", None] and tally.seen == 5
    assert [row["rule"] for row in rows] == [None, None, "read/too_long", None, "read/too_long"]
    assert rows[2]["problem"] == "1,001 bytes, longer than max_document_bytes of its input: 1,000"


def test_a_line_far_above_the_limit_is_not_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n{"text": "' + b"x" * (8 << 20) + b'"}\n{"text": "b"}\n')
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.jsonl"), max_document_bytes=LIMIT),))
    rows = [row for batch in read_part(FilePart(file)) for row in batch.to_pylist()]
    assert [(row["row"], row["text"], row["rule"]) for row in rows] == [(0, "a", None), (1, None, "read/too_long"), (2, "b", None)]


def test_any_exception_of_a_reader_is_a_fault_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(name)

    def broken(part: FilePart, tally: Tally) -> Iterator[pa.RecordBatch]:
        raise KeyError("a\nsurprise \udcff")
        yield

    files, _ = list_files((InputRecipe(path=str(tmp_path)),))
    monkeypatch.setitem(FORMATS, "text", Format(broken, ""))
    with pytest.raises(FileFault) as caught:
        list(read_part(FilePart(files[0])))
    assert "KeyError" in str(caught.value) and "\n" not in str(caught.value) and str(caught.value).encode()


def test_running_out_of_memory_is_not_a_fault_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(part: FilePart, tally: Tally) -> Iterator[pa.RecordBatch]:
        raise MemoryError
        yield

    (tmp_path / "a.txt").write_text("a")
    (file,), _ = list_files((InputRecipe(path=str(tmp_path)),))
    monkeypatch.setitem(FORMATS, "text", Format(hungry, ""))
    with pytest.raises(MemoryError):
        list(read_part(FilePart(file)))


def test_a_file_that_vanishes_before_its_task_is_one_fault(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(f"A text called {name}.")
    recipe = CurateRecipe.model_validate({"name": "x", "inputs": [str(tmp_path)], "rules": [], "language": None})
    (task,) = cut_tasks(list_files(recipe.inputs)[0])
    (tmp_path / "a.txt").unlink()
    counts = measure_task(MeasureJob(str(tmp_path / "stage"), task, recipe))["counts"]
    info = Stage(tmp_path / "stage").info(0)
    assert counts["read"] == 1 and info["faults"] == [{"file": str(tmp_path / "a.txt"), "problem": "No such file or directory"}]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.csv"])
def test_a_missing_text_column_is_reported_with_the_existing_columns(tmp_path: Path, name: str) -> None:
    record = {"id": 1, "content": "x"}
    line = jsonl([record])
    contents = {"a.jsonl": line, "a.jsonl.gz": gzip.compress(line), "a.csv": b"id,content\n1,x\n"}
    path = one_file(tmp_path, name, contents.get(name, b""))
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist([record]), path)
    assert "has no column 'text'; it has: id, content; set text_column in the recipe" in refusal(tmp_path, tmp_path / "in")


def test_faults_appear_in_the_summary_and_the_exit_code(tmp_path: Path) -> None:
    one_file(tmp_path, "a.jsonl.gz", gzip.compress(jsonl([{"text": document(1)}] * 9))[:-20])
    one_file(tmp_path, "b.txt", document(2).encode())
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "in"))
    for _ in range(2):  # also when there is nothing left to do
        result = CliRunner().invoke(app, ["run", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "out")])
        assert result.exit_code == 1 and "cut short" in result.output


def test_empty_and_unreadable_records_become_verdicts(tmp_path: Path) -> None:
    one_file(tmp_path, "a.jsonl", b'{"text": null}\n{"text": " \\n "}\nnot json\n' + jsonl([{"text": document(1)}]))
    report = run(recipe_of(tmp_path, tmp_path / "in"), tmp_path / "out", 1).report
    verdicts = ShardSet(tmp_path / "out" / "verdicts").to_table().to_pylist()
    assert sorted((row["rule"], row["row"]) for row in verdicts) == [("read/empty", 0), ("read/empty", 1), ("read/unreadable", 2)]
    assert report["counts"] == {"read": 4, "kept": 1, "held_out": 0, "dropped": 2, "unreadable": 1}
    assert report["funnel"][0] == {"stage": "read", "rule": "read/unreadable", "documents": 1, "bytes": 0, "remaining": 3}


@pytest.mark.parametrize(
    "text, kind",
    [
        *((text, "markup") for text in ("<p>a", " \n<?xml?>", "<!-- a", "</a>")),
        *((text, "json") for text in ('{"text": 1}', '\n [ {"a"', '["a"', "[[1")),
        *((text, None) for text in ("< 3", "<3 you", "a <b>", "{a}", "[1] A footnote", "", None)),
    ],
)
def test_markup_and_json_are_recognised_by_their_beginning(text: str | None, kind: str | None) -> None:
    counts_by_kind = looks_like(pa.record_batch([pa.array([text, "plain"], pa.large_string()), pa.array(["s", "s"])], names=["text", "source"]))
    assert {name: dict(counts) for name, counts in counts_by_kind.items()} == {name: ({"s": 1} if name == kind else {}) for name in ("markup", "json")}


def test_a_table_without_the_column_among_others_is_a_fault_of_its_file_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("other,n\nword,1\n")
    (tmp_path / "b.csv").write_text("text,n\nword,1\n")
    files, _ = list_files((InputRecipe(path=str(tmp_path)),))
    check_columns(files)
    with pytest.raises(FileFault, match="no column 'text'"):
        list(read_part(FilePart(files[0])))
    (tmp_path / "b.csv").unlink()
    with pytest.raises(CurateError, match="no column 'text'"):
        check_columns(list_files((InputRecipe(path=str(tmp_path)),))[0])


@pytest.mark.parametrize(
    "name, keys, said",
    [
        ("a.xml", {"extract": {"name": "trafilatura"}}, "extract is for html, warc, but its files are read as text; set `format`"),
        ("a.txt", {"text_column": "body"}, "text_column is for jsonl, json, csv, parquet, arrow, but its files are read as text"),
        ("a.txt", {"url_column": "link"}, "url_column is for"),
        ("a.parquet", {"encoding": "latin-1"}, "encoding is for text, lines, markdown, html, jsonl, json, csv, but its files are read as parquet"),
        ("a.warc.gz", {"encoding": "latin-1"}, "encoding is for"),
        ("a.txt", {"format": "lines", "text_column": "body"}, "read as lines"),
    ],
)
def test_keys_without_effect_on_an_input_are_refused(tmp_path: Path, name: str, keys: dict[str, object], said: str) -> None:
    write(tmp_path / "in", name)
    files, _ = list_files((InputRecipe(path=str(tmp_path / "in"), **keys),))  # type: ignore[arg-type]
    with pytest.raises(CurateError) as caught:
        check_keys(files)
    assert said in str(caught.value)
    write(tmp_path / "in", "b.jsonl", "c.html")
    check_keys(list_files((InputRecipe(path=str(tmp_path / "in"), **{key: value for key, value in keys.items() if key != "format"}),))[0])  # type: ignore[arg-type]
