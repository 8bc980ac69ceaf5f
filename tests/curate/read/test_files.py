"""Which files are read: each once, whatever it is called and whatever links lead to it; nothing of ours; nothing in silence."""

import os
import re
from pathlib import Path

import pytest

from curate.errors import CurateError
from curate.read.documents import read_part
from curate.read.files import list_files
from curate.read.part import FilePart, InputFile
from curate.read.recipe import InputRecipe
from tests.curate.read.inputs import curate, faults, names, one_file, refusal, write


def test_the_output_folder_and_other_runs_are_not_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.txt", "b.txt")
    for _ in range(3):
        assert "2 documents" in curate(tmp_path, folder, folder / "out")
    assert "nothing to do" in curate(tmp_path, folder, folder / "out")
    for out in (folder / "other", tmp_path / "elsewhere"):
        output = curate(tmp_path, folder, out)
        assert re.search(r"read +2 documents", output) and "folder of a run or shard set" in output
    (tmp_path / "link").symlink_to(folder)
    assert names(tmp_path / "link", folder / "out") == names(folder, tmp_path / "link" / "out") == ["a.txt", "b.txt"]
    assert names(os.path.relpath(folder), folder / "out") == ["a.txt", "b.txt"]
    assert names(str(folder) + "/**/*", folder / "out") == names(str(folder) + "/**") == ["a.txt", "b.txt"]


def test_a_run_may_not_write_where_it_reads_and_is_not_an_input_itself(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.txt")
    (tmp_path / "link").symlink_to(folder)
    for out in (folder, tmp_path / "link", folder / ".." / "in"):
        with pytest.raises(CurateError, match="the run writes there too; give another output folder"):
            names(folder, out)
    curate(tmp_path, folder, tmp_path / "out")
    with pytest.raises(CurateError, match=r"this is the output folder of a run; its documents are in .*out/documents"):
        names(tmp_path / "out")
    assert names(folder, tmp_path) == ["a.txt"]  # an input inside the output folder is no loop


@pytest.mark.parametrize(
    "path, advice",
    [
        ("s3://bucket/key", "copy it to a local folder first"),
        ("gs://bucket/*.jsonl", "copy it to a local folder first"),
        ("https://example.org/a.txt", "download it first"),
        ("file:///data/a.txt", "write the path alone, /data/a.txt"),
        ("hf://datasets/x/y", "hf download"),
    ],
)
def test_remote_addresses_are_refused_with_advice(path: str, advice: str) -> None:
    with pytest.raises(CurateError, match="only local files and folders can be read") as caught:
        names(path)
    assert advice in str(caught.value) and "\n" not in str(caught.value)


SUFFIXES = [f".{suffix}" for suffix in "txt md html jsonl jsonlines jl ndjson json csv tsv parquet arrow feather warc wet xml unknown".split()]  # noqa: SIM905


@pytest.mark.parametrize("compression", ["", ".gz", ".zst", ".bz2", ".xz"])
def test_empty_files_and_folders_of_any_suffix_do_not_end_a_run(tmp_path: Path, compression: str) -> None:
    folder = write(tmp_path / "in", "sound.txt")
    for suffix in SUFFIXES:
        (folder / f"a{suffix}{compression}").write_bytes(b"")
        (folder / f"folder{suffix}{compression}").mkdir()
    files, _ = list_files((InputRecipe(path=str(folder)),))
    assert len(files) == len(SUFFIXES) + 1
    problems = faults(files)
    assert all("\n" not in fault for fault in problems.values()) and "sound.txt" not in problems


def test_json_of_any_name_is_json(tmp_path: Path) -> None:
    for suffix in ("jsonl", "jsonlines", "jl", "ndjson", "json"):
        write(tmp_path / "in", f"a.{suffix}")
        (tmp_path / "in" / f"a.{suffix}").write_text('{"text": "A note about geese."}')
    (tmp_path / "in" / "array.json").write_text('[\n {"text": "A note about geese."}\n]')
    files, _ = list_files((InputRecipe(path=str(tmp_path / "in")),))
    assert [row["text"] for file in files for batch in read_part(FilePart(file)) for row in batch.to_pylist()] == ["A note about geese."] * 6


def test_json_without_text_is_counted_next_to_other_files_and_an_error_on_its_own(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.txt", "package.json", "broken.json", "empty.json")
    (folder / "package.json").write_text('{\n "name": "x",\n "version": 1\n}')
    (folder / "broken.json").write_text('{\n "name": "x",\n')
    (folder / "empty.json").write_text("[]")
    files, passed_over = list_files((InputRecipe(path=str(folder)),))
    assert [file.name for file in files] == ["a.txt", "broken.json", "empty.json"] and passed_over == {".json without 'text'": 1}
    assert set(faults(files)) == {"broken.json"}
    with pytest.raises(CurateError, match=r"package\.json has no column 'text'; it has: name, version; set text_column"):
        names(folder / "package.json")
    assert names(folder / "package.json", text_column="name") == ["package.json"]


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    assert f"input {tmp_path / 'no'}: no such file or folder" in refusal(tmp_path, tmp_path / "no")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert refusal(tmp_path, tmp_path / "in") == f"input {tmp_path / 'in'}: no files"


def test_a_folder_without_text_says_what_it_holds(tmp_path: Path) -> None:
    one_file(tmp_path, "a.png", b"\x89PNG")
    assert "nothing that holds text (1 .png)" in refusal(tmp_path, tmp_path / "in")


def test_files_that_hold_no_text_are_counted_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("a.txt", "b.PNG", "c.tar.gz", "d.lock", "LICENSE", ".DS_Store", "e.weird"):
        one_file(tmp_path, name, b"some words")
    files, skipped = list_files((InputRecipe(path=str(tmp_path / "in")),))
    assert [file.name for file in files] == ["LICENSE", "a.txt", "e.weird"]
    assert dict(skipped) == {".png": 1, ".tar.gz": 1, ".lock": 1}


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


def test_an_input_file_records_its_size_and_modification_time(tmp_path: Path) -> None:
    path = one_file(tmp_path, "a.txt", b"one")
    (file,), _ = list_files((InputRecipe(path=str(path)),))
    assert isinstance(file, InputFile) and file.n_bytes == 3 and file.mtime_ns == path.stat().st_mtime_ns


def test_files_shared_by_two_inputs_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a.txt", "b.txt", "c.md"):
        one_file(tmp_path, name, b"x")
    (tmp_path / "in" / "link.txt").symlink_to(tmp_path / "in" / "b.txt")
    inputs = [InputRecipe(path=str(tmp_path / "in" / "*.md"), source="m"), InputRecipe(path=str(tmp_path / "in"), source="all")]
    files, _ = list_files((*inputs, InputRecipe(path=str(tmp_path / "in" / "link.txt"), source="l")))
    assert [file.name for file in files] == ["m/c.md", "all/a.txt", "all/b.txt", "all/c.md", "l/link.txt"]
    warnings = [record.message for record in caplog.records]
    assert warnings == [
        f"inputs {tmp_path}/in/*.md and {tmp_path}/in overlap: {tmp_path}/in/c.md is read once for each; narrow one of the two paths unless this is intended",
        f"inputs {tmp_path}/in and {tmp_path}/in/link.txt overlap: {tmp_path}/in/link.txt is read once for each; "
        "narrow one of the two paths unless this is intended",
    ]
    caplog.clear()
    list_files((InputRecipe(path=str(tmp_path / "in" / "*.md"), source="m"), InputRecipe(path=str(tmp_path / "in" / "?.txt"), source="t")))
    assert not caplog.records


def test_the_number_of_files_shared_by_two_inputs_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1203):
        one_file(tmp_path, f"{number:04}.txt", b"x")
    list_files((InputRecipe(path=str(tmp_path / "in"), source="a"), InputRecipe(path=str(tmp_path / "in" / "*"), source="b")))
    assert [f"{tmp_path}/in/0000.txt and 1,202 more files are read once for each" in record.message for record in caplog.records] == [True]
