"""What holds for every format, whatever its reader does."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.pipeline.measure import MeasureJob, measure_task
from curate.read.batch import FileFault
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.formats import FORMATS, Format
from curate.read.part import Part, Tally
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from curate.recipe import CurateRecipe
from shards.stages import Stage

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
    rows = [row for batch in read_part(Part(file), tally) for row in batch.to_pylist()]
    assert [row["text"] for row in rows] == ["short", "é" * (LIMIT // 2), None, "last", None] and tally.seen == 5
    assert [row["rule"] for row in rows] == [None, None, "read/too_long", None, "read/too_long"]
    assert rows[2]["problem"] == "1,001 bytes, longer than max_document_bytes of its input: 1,000"


@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_a_file_above_the_limit_is_not_read_to_its_end(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(b"x" * 3_000_000)
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / name), max_document_bytes=LIMIT),))
    n_read = 0

    def counted(path: str, encoding: str | None) -> Iterator[bytes]:
        nonlocal n_read
        for _ in range(3000):
            n_read += 1
            yield b"x" * 1000

    monkeypatch.setattr("curate.read.text.utf8_chunks", counted)
    (row,) = [row for batch in read_part(Part(file)) for row in batch.to_pylist()]
    assert row["rule"] == "read/too_long" and n_read == 2


def test_a_line_far_above_the_limit_is_not_gathered(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a"}\n{"text": "' + b"x" * (8 << 20) + b'"}\n{"text": "b"}\n')
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.jsonl"), max_document_bytes=LIMIT),))
    rows = [row for batch in read_part(Part(file)) for row in batch.to_pylist()]
    assert [(row["row"], row["text"], row["rule"]) for row in rows] == [(0, "a", None), (1, None, "read/too_long"), (2, "b", None)]


def test_whatever_a_reader_raises_over_a_file_is_that_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(name)

    def broken(part: Part, tally: Tally) -> Iterator[pa.RecordBatch]:
        raise KeyError("a\nsurprise \udcff")
        yield

    files, _ = list_files((InputRecipe(path=str(tmp_path)),))
    monkeypatch.setitem(FORMATS, "text", Format(broken, ""))
    with pytest.raises(FileFault) as caught:
        list(read_part(Part(files[0])))
    assert "KeyError" in str(caught.value) and "\n" not in str(caught.value) and str(caught.value).encode()


def test_memory_that_runs_out_is_no_fault_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(part: Part, tally: Tally) -> Iterator[pa.RecordBatch]:
        raise MemoryError
        yield

    (tmp_path / "a.txt").write_text("a")
    (file,), _ = list_files((InputRecipe(path=str(tmp_path)),))
    monkeypatch.setitem(FORMATS, "text", Format(hungry, ""))
    with pytest.raises(MemoryError):
        list(read_part(Part(file)))


def test_a_file_that_vanishes_before_its_task_is_one_fault(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(f"A text called {name}.")
    recipe = CurateRecipe.model_validate({"name": "x", "inputs": [str(tmp_path)], "rules": [], "language": None})
    (task,) = cut_tasks(list_files(recipe.inputs)[0])
    (tmp_path / "a.txt").unlink()
    counts = measure_task(MeasureJob(str(tmp_path / "stage"), task, recipe))["counts"]
    info = Stage(tmp_path / "stage").info(0)
    assert counts["read"] == 1 and info["faults"] == [{"file": str(tmp_path / "a.txt"), "problem": "No such file or directory"}]
