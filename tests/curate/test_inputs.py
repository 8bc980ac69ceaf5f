"""Bad input: each kind gives one clear line, or one verdict row, and the run goes on."""

import gzip
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather
from typer.testing import CliRunner

from curate.cli import app
from curate.errors import CurateError
from curate.pipeline.run import run
from curate.read.batch import FileFault
from curate.read.documents import check_columns, read_part
from curate.read.files import format_of, list_files
from curate.read.part import InputFile, Part
from curate.read.recipe import InputRecipe
from curate.read.tasks import cut_tasks
from curate.recipe import CurateRecipe
from shards.errors import CptkitError, RecipeError
from shards.read import ShardSet
from shards.recipe import load_recipe
from tests.curate.corpus import document, html, jsonl, recipe, warc


def load(tmp_path: Path, folder: Path, **changes: object) -> CurateRecipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe(folder, **{"rules": []} | changes))
    return load_recipe(path, CurateRecipe)


def refusal(tmp_path: Path, folder: Path, **changes: object) -> str:
    with pytest.raises(CptkitError) as caught:
        run(load(tmp_path, folder, **changes), tmp_path / "out", 1)
    message = str(caught.value)
    assert "\n" not in message
    return message


def raw(path: Path, **changes: object) -> list[dict[str, object]]:
    """Raw records of one file."""
    (file,), _ = list_files((InputRecipe(path=str(path), **changes),))  # type: ignore[arg-type]
    return [row for batch in read_part(Part(file)) for row in batch.to_pylist()]


def one_file(tmp_path: Path, name: str, content: bytes) -> Path:
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / name).write_bytes(content)
    return tmp_path / "in" / name


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    assert f"input {tmp_path / 'no'}: no such file or folder" in refusal(tmp_path, tmp_path / "no")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert refusal(tmp_path, tmp_path / "in") == f"input {tmp_path / 'in'}: no files"


def test_a_folder_without_text_says_what_it_holds(tmp_path: Path) -> None:
    one_file(tmp_path, "a.png", b"\x89PNG")
    assert "nothing that holds text (1 .png)" in refusal(tmp_path, tmp_path / "in")


def test_an_unknown_recipe_key_gives_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"inputs\.0.text_colum: unknown key, did you mean text_column\?"):
        load(tmp_path, tmp_path, inputs=[{"path": "x", "text_colum": "body"}])
    with pytest.raises(RecipeError, match=r"dedup\.minhash\.bucket: unknown key, did you mean buckets\?"):
        load(tmp_path, tmp_path, dedup={"minhash": {"bucket": 3}})


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.csv"])
def test_a_text_column_that_does_not_exist_names_those_that_do(tmp_path: Path, name: str) -> None:
    record = {"id": 1, "content": "x"}
    line = jsonl([record])
    contents = {"a.jsonl": line, "a.jsonl.gz": gzip.compress(line), "a.csv": b"id,content\n1,x\n"}
    path = one_file(tmp_path, name, contents.get(name, b""))
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist([record]), path)
    assert "has no column 'text'; it has: id, content; set text_column in the recipe" in refusal(tmp_path, tmp_path / "in")


def test_a_truncated_gzip_keeps_its_whole_lines_and_the_run_goes_on(tmp_path: Path) -> None:
    lines = jsonl([{"text": document(index)} for index in range(200)])
    one_file(tmp_path, "a.jsonl.gz", gzip.compress(lines)[:-3000])
    one_file(tmp_path, "b.txt", document(1000).encode())
    report = run(load(tmp_path, tmp_path / "in"), tmp_path / "out", 1).report
    (fault,) = report["faults"]
    assert fault["file"].endswith("a.jsonl.gz") and "cut short" in fault["problem"]
    texts = ShardSet(tmp_path / "out" / "documents").to_table()["text"].to_pylist()
    assert 100 < len(texts) - 1 < 200 and texts == [document(index) for index in range(len(texts) - 1)] + [document(1000)]


def test_faults_are_told_in_the_summary_and_the_exit_code(tmp_path: Path) -> None:
    one_file(tmp_path, "a.jsonl.gz", gzip.compress(jsonl([{"text": document(1)}] * 9))[:-20])
    one_file(tmp_path, "b.txt", document(2).encode())
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path / "in"))
    for _ in range(2):  # also when there is nothing left to do
        result = CliRunner().invoke(app, ["run", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path / "out")])
        assert result.exit_code == 1 and "cut short" in result.output


def test_text_that_is_not_utf8_is_unreadable_and_says_where(tmp_path: Path) -> None:
    path = one_file(tmp_path, "a.txt", b"caf\xe9 and more")
    (record,) = raw(path)
    assert str(record["problem"]).startswith("invalid UTF-8: byte 0xe9 at 3; ") and record["text"] is None


def test_bad_json_lines_are_unreadable_one_by_one(tmp_path: Path) -> None:
    lines = [
        b'{"text": "good"}',
        b'{"text": "caf\xe9"}',
        b'{"text": "cut',
        b"[1]",
        b'{"text": 5}',
        b'{"text": "\\ud800"}',
        b"",
        b'{"text": null}',
        b'{"text": "last"}',
    ]
    records = raw(one_file(tmp_path, "a.jsonl", b"\n".join(lines)))
    problems = {record["row"]: record["problem"] for record in records}
    assert problems[0] is None and problems[7] is None and problems[8] is None and 6 not in problems
    assert "invalid UTF-8" in problems[1] and "not JSON" in problems[2] and problems[3] == "a JSON list, not an object"
    assert problems[4] == "text holds a int, not text" and "unpaired surrogate" in problems[5]
    assert [record["text"] for record in records if record["text"]] == ["good", "last"]


def test_empty_and_unreadable_records_become_verdicts(tmp_path: Path) -> None:
    one_file(tmp_path, "a.jsonl", b'{"text": null}\n{"text": " \\n "}\nnot json\n' + jsonl([{"text": document(1)}]))
    report = run(load(tmp_path, tmp_path / "in"), tmp_path / "out", 1).report
    verdicts = ShardSet(tmp_path / "out" / "verdicts").to_table().to_pylist()
    assert sorted((row["rule"], row["row"]) for row in verdicts) == [("read/empty", 0), ("read/empty", 1), ("read/unreadable", 2)]
    assert report["counts"] == {"read": 4, "kept": 1, "held_out": 0, "dropped": 2, "unreadable": 1}
    assert report["funnel"][0] == {"stage": "read", "rule": "read/unreadable", "documents": 1, "bytes": 0, "remaining": 3}


def test_files_that_hold_no_text_are_counted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("a.txt", "b.PNG", "c.tar.gz", "d.lock", "LICENSE", ".DS_Store", "e.weird"):
        one_file(tmp_path, name, b"some words")
    files, skipped = list_files((InputRecipe(path=str(tmp_path / "in")),))
    assert [file.name for file in files] == ["LICENSE", "a.txt", "e.weird"]
    assert dict(skipped) == {".png": 1, ".tar.gz": 1, ".lock": 1}


def test_formats_follow_extensions_under_any_compression() -> None:
    names = ["a.txt", "a.md.zst", "a.JSONL.gz", "a.warc.wet.gz", "a.parquet", "a.tsv.xz", "a.htm", "a.gz", "a.py", "README", "a.jpg"]
    found = [format_of(name) for name in names]
    assert found == ["text", "markdown", "jsonl", "warc", "parquet", "csv", "html", None, "text", "text", None]


def test_two_inputs_that_would_give_the_same_file_name_are_refused(tmp_path: Path) -> None:
    for side in ("x", "y"):
        (tmp_path / side / "data").mkdir(parents=True)
        (tmp_path / side / "data" / "a.txt").write_text("text")
    with pytest.raises(CurateError, match=r"would both be called data/a\.txt; give the two inputs different `source` names"):
        list_files(tuple(InputRecipe(path=str(tmp_path / side / "data")) for side in ("x", "y")))


def test_a_glob_reads_what_it_matches(tmp_path: Path) -> None:
    for name in ("a.txt", "b.md", "c.txt"):
        one_file(tmp_path, name, b"x")
    files, _ = list_files((InputRecipe(path=str(tmp_path / "in" / "*.txt")),))
    assert [file.name for file in files] == ["a.txt", "c.txt"]


def test_a_broken_parquet_file_is_a_fault(tmp_path: Path) -> None:
    path = one_file(tmp_path, "a.parquet", b"PAR1 but not really")
    with pytest.raises(FileFault, match="not a readable Parquet file"):
        raw(path)


def test_a_large_parquet_file_is_cut_by_row_groups_without_loss(tmp_path: Path) -> None:
    table = pa.table({"text": [document(index) for index in range(100)], "n": list(range(100))})
    path = one_file(tmp_path, "a.parquet", b"")
    pq.write_table(table, path, row_group_size=10)
    files, _ = list_files((InputRecipe(path=str(path)),))
    tasks = cut_tasks(files, 20_000)
    rows = [row for task in tasks for part in task.parts for batch in read_part(part) for row in batch.to_pylist()]
    assert len(tasks) > 2 and [row["row"] for row in rows] == list(range(100))
    assert [row["text"] for row in rows] == table["text"].to_pylist()
    assert json.loads(rows[42]["metadata"]) == {"n": 42}


def test_a_record_cut_off_at_the_end_of_an_archive_is_unreadable_and_a_fault(tmp_path: Path) -> None:
    archive = gzip.decompress(warc([("response", "http://a", html(document(1))), ("response", "http://b", html(document(2)))]))
    (file,), _ = list_files((InputRecipe(path=str(one_file(tmp_path, "a.warc", archive[:-600]))),))
    records = []
    with pytest.raises(FileFault, match="damaged at record 1: record is cut short"):
        for batch in read_part(Part(file)):
            records += batch.to_pylist()
    assert [record["problem"] is None for record in records] == [True, False]
    assert "cut short" in str(records[1]["problem"])


def test_a_truncated_archive_keeps_its_whole_records_and_is_a_fault(tmp_path: Path) -> None:
    archive = warc([("response", f"http://{index}", html(document(index))) for index in range(5)])
    path = one_file(tmp_path, "a.warc.gz", archive[:-200])
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    batches = []
    with pytest.raises(FileFault, match="cut short"):
        for batch in read_part(Part(file)):
            batches.append(batch)
    problems = [problem for batch in batches for problem in batch["problem"].to_pylist()]
    assert problems[:4] == [None] * 4 and "cut short" in problems[4] and len(problems) == 5


def test_what_is_no_archive_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="no WARC record found"):
        raw(one_file(tmp_path, "a.warc", b"this is not an archive\n" * 50))


def test_front_matter_becomes_metadata_and_broken_one_is_kept(tmp_path: Path) -> None:
    (record,) = raw(one_file(tmp_path, "a.md", b"---\ntitle: T\ndate: 2020-01-02\n---\nBody --- with dashes.\n"))
    assert record["text"] == "Body --- with dashes.\n" and json.loads(record["metadata"]) == {"title": "T", "date": "2020-01-02"}
    (record,) = raw(one_file(tmp_path, "b.md", b"---\na: [\n---\nBody.\n"))
    assert record["text"] == "Body.\n" and json.loads(record["metadata"]) == {"front_matter": "a: [\n"}
    (record,) = raw(one_file(tmp_path, "c.md", b"Text with a line\n---\nand more\n"))
    assert record["text"] == "Text with a line\n---\nand more\n" and record["metadata"] == ""


def test_wrong_rules_words_and_models_are_refused_before_any_work(tmp_path: Path) -> None:
    one_file(tmp_path, "a.txt", document(1).encode())
    folder = tmp_path / "in"
    assert "no rule set is called gofer" in refusal(tmp_path, folder, rules=["gofer"])
    assert "no rule is called short; it has: gopher_short_doc" in refusal(tmp_path, folder, rules=[{"name": "gopher_quality", "skip": ["short"]}])
    assert "no such file; `curate fetch-model" in refusal(tmp_path, folder, language={"model": "lid.bin"})
    assert "spacy:qqq" in refusal(tmp_path, folder, words="spacy:qqq")
    assert not (tmp_path / "out").exists()


def test_a_recipe_without_output_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(recipe(tmp_path))
    result = CliRunner().invoke(app, ["run", str(tmp_path / "recipe.yaml")])
    assert isinstance(result.exception, RecipeError) and "no output folder; set `out` or give --out DIR" in str(result.exception)


def test_input_file_is_told_apart_by_size_and_time(tmp_path: Path) -> None:
    path = one_file(tmp_path, "a.txt", b"one")
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    assert isinstance(file, InputFile) and file.n_bytes == 3 and file.mtime_ns == path.stat().st_mtime_ns


def test_files_that_two_inputs_hold_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.txt", "b.txt", "c.md"):
        one_file(tmp_path, name, b"x")
    (tmp_path / "in" / "link.txt").symlink_to(tmp_path / "in" / "b.txt")
    inputs = [InputRecipe(path=str(tmp_path / "in" / "*.md"), source="m"), InputRecipe(path=str(tmp_path / "in"), source="all")]
    files, _ = list_files((*inputs, InputRecipe(path=str(tmp_path / "in" / "link.txt"), source="l")))
    assert [file.name for file in files] == ["m/c.md", "all/a.txt", "all/b.txt", "all/c.md", "l/link.txt"]
    told = [record.message for record in caplog.records]
    assert told == [
        f"inputs {tmp_path}/in/*.md and {tmp_path}/in overlap: {tmp_path}/in/c.md is read once for each; narrow one of the two paths unless this is intended",
        f"inputs {tmp_path}/in and {tmp_path}/in/link.txt overlap: {tmp_path}/in/link.txt is read once for each; "
        "narrow one of the two paths unless this is intended",
    ]
    caplog.clear()
    list_files((InputRecipe(path=str(tmp_path / "in" / "*.md"), source="m"), InputRecipe(path=str(tmp_path / "in" / "?.txt"), source="t")))
    assert not caplog.records


def test_the_number_of_files_that_two_inputs_hold_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1203):
        one_file(tmp_path, f"{number:04}.txt", b"x")
    list_files((InputRecipe(path=str(tmp_path / "in"), source="a"), InputRecipe(path=str(tmp_path / "in" / "*"), source="b")))
    assert [f"{tmp_path}/in/0000.txt and 1,202 more files are read once for each" in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.json", "a.csv", "a.parquet", "a.arrow", "a.warc", "a.txt.gz", "a.html", b"\xff.parquet"])
def test_a_pipe_in_the_place_of_a_file_is_a_fault_and_blocks_nothing(tmp_path: Path, name: str | bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    os.mkfifo(path)
    status = path.stat()
    file = InputFile(str(path), path.name, format_of(path.name) or "", InputRecipe(path=str(path)), 0, status.st_mtime_ns)
    with alarm_after(20), pytest.raises(FileFault, match="not a file but a pipe"):
        list(read_part(Part(file)))
    with alarm_after(20):
        check_columns([file])
        cut_tasks([file])


@contextmanager
def alarm_after(seconds: int) -> Iterator[None]:
    """End a test that hangs."""

    def ring(*_: object) -> None:
        raise AssertionError("blocked")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.parquet", "a.arrow", "a.warc"])
def test_a_file_without_the_right_to_read_it_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = one_file(tmp_path, name, b"x")
    (file,), _ = list_files((InputRecipe(path=str(path)),))

    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("curate.read.content.decompress.os.open", denied)  # as root, who runs tests in containers, may read everything
    with pytest.raises(FileFault, match="Permission denied"):
        list(read_part(Part(file)))
    check_columns([file])
    cut_tasks([file])


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz"])
def test_a_file_that_is_not_compressed_as_it_is_named_is_told_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_text("plain words, and no member of anything")
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    with pytest.raises(FileFault, match=f"is named {suffix} but not compressed that way"):
        list(read_part(Part(file)))


def test_the_first_version_of_feather_is_named(tmp_path: Path) -> None:
    feather.write_feather(pa.table({"text": ["a"]}), tmp_path / "a.feather", version=1)
    (file,), _ = list_files((InputRecipe(path=str(tmp_path / "a.feather")),))
    with pytest.raises(FileFault, match="Feather, version 1; write it again as version 2 or as Parquet"):
        list(read_part(Part(file)))
