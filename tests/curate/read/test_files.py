"""Which files are read: each once, whatever it is called and whatever links lead to it; nothing of ours; nothing in silence."""

import os
import socket
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from curate.cli import app
from curate.errors import CurateError
from curate.read.batch import FileFault
from curate.read.documents import check_keys, read_part
from curate.read.file_names import file_bytes, file_name
from curate.read.files import list_files
from curate.read.part import InputFile, Part
from curate.read.recipe import InputRecipe
from shards.read import ShardSet
from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.curate.corpus import recipe


def write(folder: Path, *names: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(b"A document about boats in " + ascii(name).encode())
    return folder


def names(path: object, out: Path | None = None, **keys: object) -> list[str]:
    return [file.name for file in list_files((InputRecipe(path=str(path), **keys),), out)[0]]  # type: ignore[arg-type]


def faults(files: list[InputFile]) -> dict[str, str]:
    told = {}
    for file in files:
        try:
            list(read_part(Part(file)))
        except FileFault as fault:
            told[file.name] = str(fault)
    return told


def curate(tmp_path: Path, folder: object, out: object, **changes: object) -> str:
    (tmp_path / "recipe.yaml").write_text(recipe(folder, **{"rules": [], "language": None} | changes))  # type: ignore[arg-type]
    result = CliRunner().invoke(app, ["run", str(tmp_path / "recipe.yaml"), "--out", str(out)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


ODD = [b"bad\xff\xfe.txt", b"new\nline.txt", b"back\\slash.txt", b"\\xff.txt", b"esc\x1b[31m.txt", b"\xc2\x85 c1.txt", "ü 日本.txt".encode()]
ODD += [b"-rf.txt", b" .txt", b"%s{}.txt"]


def test_any_name_becomes_text_and_can_be_had_back() -> None:
    for name in [*ODD, bytes(range(1, 256)), b"\\\\", b"\\u0085", b"\xc2\x85\x85"]:
        text = file_name(os.fsdecode(name))
        assert file_bytes(text) == name and text.isprintable() and text.encode()
    assert file_name("plain/ü.txt") == "plain/ü.txt" and file_name(os.fsdecode(b"a\xffb\n")) == r"a\xffb\x0a"


def test_files_of_any_name_are_read_and_found_by_it(tmp_path: Path) -> None:
    write(tmp_path / "in", *ODD)
    output = curate(tmp_path, tmp_path / "in", tmp_path / "out")
    documents = ShardSet(tmp_path / "out" / "documents").to_table().to_pylist()
    assert {file_bytes(row["file"]) for row in documents} == set(ODD) and f"{len(ODD)} documents" in output
    assert "\x1b" not in output
    found = CliRunner().invoke(app, ["why", r"bad\xff\xfe.txt", "--run", str(tmp_path / "out")])
    assert found.exit_code == 0 and "kept" in found.output


def test_loops_of_links_and_several_ways_to_a_file_read_it_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.txt", "sub/b.txt")
    for link, target in [("loop", "."), ("sub/up", ".."), ("again", "sub"), ("0first.txt", "a.txt"), ("sub/self", "self2"), ("sub/self2", "self")]:
        (folder / link).symlink_to(target)
    write(tmp_path / "other", "c.txt")
    (folder / "z1").symlink_to(tmp_path / "other")
    (folder / "y1").symlink_to(tmp_path / "other")
    (folder / "x1.txt").symlink_to(tmp_path / "other" / "c.txt")
    files, passed_over = list_files((InputRecipe(path=str(folder)),))
    assert [file.name for file in files if not file.problem] == ["a.txt", "sub/b.txt", "x1.txt"]
    assert passed_over == {"link to a folder that is read anyway": 4, "link to a file that is read anyway": 2}
    assert {name for name in faults(files)} == {"sub/self", "sub/self2"}


def test_a_link_up_reads_what_lies_there_but_nothing_twice(tmp_path: Path) -> None:
    write(tmp_path / "top", "a.txt", "in/b.txt")
    (tmp_path / "top" / "in" / "up").symlink_to("..")
    assert names(tmp_path / "top" / "in") == ["b.txt", "up/a.txt"]


def test_hard_links_are_files_of_their_own(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.txt")
    os.link(folder / "a.txt", folder / "b.txt")
    (folder / "c.txt").symlink_to("b.txt")
    assert names(folder) == ["a.txt", "b.txt"]


def test_a_link_whose_name_tells_the_format_goes_before_a_file_whose_name_does_not(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "blobs/0a1b2c")
    (folder / "blobs" / "0a1b2c").write_text('{"text": "a"}\n')
    (folder / "snapshots").mkdir()
    (folder / "snapshots" / "train.jsonl").symlink_to("../blobs/0a1b2c")
    assert [(file.name, file.format) for file in list_files((InputRecipe(path=str(folder)),))[0]] == [("snapshots/train.jsonl", "jsonl")]


def test_what_is_no_file_is_counted_and_never_opened(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.txt")
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "device.txt").symlink_to("/dev/zero")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(folder)  # a socket's path is short
    try:
        server.bind("socket.txt")
    finally:
        os.chdir(here)
        server.close()
    files, passed_over = list_files((InputRecipe(path=str(folder)),))
    assert [file.name for file in files] == ["a.txt"] and passed_over == {"a pipe": 1, "a socket": 1, "a device": 1}
    for path, kind in [(folder / "pipe.jsonl", "a pipe"), ("/dev/zero", "a device")]:
        with pytest.raises(CurateError, match=f"this is {kind}; only files and folders"):
            names(path)
    assert names(str(folder) + "/*") == ["a.txt"]


def test_what_cannot_be_read_is_a_fault_and_the_rest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "in", "a.txt", "closed/b.txt")
    (folder / "gone.txt").symlink_to("nowhere")
    (folder / "x.jsonl").mkdir()
    scandir = os.scandir

    def guarded(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr("os.scandir", guarded)  # whoever runs tests as root may read everything
    output = curate(tmp_path, folder, tmp_path / "out")
    assert "read        1 documents" in output
    assert "gone.txt: a broken link (No such file or directory)" in output
    assert "closed: cannot be listed (Permission denied)" in output


def test_the_output_folder_and_other_runs_are_not_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.txt", "b.txt")
    for _ in range(3):
        assert "2 documents" in curate(tmp_path, folder, folder / "out")
    assert "nothing to do" in curate(tmp_path, folder, folder / "out")
    for out in (folder / "other", tmp_path / "elsewhere"):
        output = curate(tmp_path, folder, out)
        assert "read         2 documents" in output and "folder of a run or shard set" in output
    (tmp_path / "link").symlink_to(folder)
    assert names(tmp_path / "link", folder / "out") == names(folder, tmp_path / "link" / "out") == ["a.txt", "b.txt"]
    assert names(os.path.relpath(folder), folder / "out") == ["a.txt", "b.txt"]
    assert names(str(folder) + "/**/*", folder / "out") == names(str(folder) + "/**") == ["a.txt", "b.txt"]


def test_what_a_killed_run_left_is_not_read(tmp_path: Path) -> None:
    left = write(tmp_path / "in" / "out" / "work", "measure-0123456789abcdef/00000-documents-0.txt", ".lock")
    folder = write(left.parent.parent, "a.txt", "work/c.txt")
    assert names(folder) == ["a.txt", "work/c.txt"]


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


def test_a_set_that_is_named_is_read_without_its_manifest(tmp_path: Path) -> None:
    row = {name: None for name in DOCUMENTS.names} | {"id": bytes(16), "text": "a"}
    write_set(tmp_path / "set", "documents", DOCUMENTS, [pa.RecordBatch.from_pylist([row], schema=DOCUMENTS)])
    files, _ = list_files((InputRecipe(path=str(tmp_path / "set")),))
    assert [file.format for file in files] == ["arrow"]
    assert names(str(tmp_path / "set" / "*.arrow")) == [file.name for file in files]


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
def test_addresses_are_told_what_to_do(path: str, advice: str) -> None:
    with pytest.raises(CurateError, match="only local files and folders can be read") as caught:
        names(path)
    assert advice in str(caught.value) and "\n" not in str(caught.value)


SUFFIXES = [f".{one}" for one in "txt md html jsonl jsonlines jl ndjson json csv tsv parquet arrow feather warc wet xml unknown".split()]  # noqa: SIM905


@pytest.mark.parametrize("compression", ["", ".gz", ".zst", ".bz2", ".xz"])
def test_empty_files_and_folders_of_any_suffix_end_no_run(tmp_path: Path, compression: str) -> None:
    folder = write(tmp_path / "in", "sound.txt")
    for suffix in SUFFIXES:
        (folder / f"a{suffix}{compression}").write_bytes(b"")
        (folder / f"folder{suffix}{compression}").mkdir()
    files, _ = list_files((InputRecipe(path=str(folder)),))
    assert len(files) == len(SUFFIXES) + 1
    told = faults(files)
    assert all("\n" not in fault for fault in told.values()) and "sound.txt" not in told


def test_json_of_any_name_is_json(tmp_path: Path) -> None:
    for suffix in ("jsonl", "jsonlines", "jl", "ndjson", "json"):
        write(tmp_path / "in", f"a.{suffix}")
        (tmp_path / "in" / f"a.{suffix}").write_text('{"text": "A note about geese."}')
    (tmp_path / "in" / "array.json").write_text('[\n {"text": "A note about geese."}\n]')
    files, _ = list_files((InputRecipe(path=str(tmp_path / "in")),))
    assert [row["text"] for file in files for batch in read_part(Part(file)) for row in batch.to_pylist()] == ["A note about geese."] * 6


def test_json_without_text_is_counted_beside_other_files_and_an_error_alone(tmp_path: Path) -> None:
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
def test_keys_that_mean_nothing_for_an_input_are_refused(tmp_path: Path, name: str, keys: dict[str, object], said: str) -> None:
    write(tmp_path / "in", name)
    files, _ = list_files((InputRecipe(path=str(tmp_path / "in"), **keys),))  # type: ignore[arg-type]
    with pytest.raises(CurateError) as caught:
        check_keys(files)
    assert said in str(caught.value)
    write(tmp_path / "in", "b.jsonl", "c.html")
    check_keys(list_files((InputRecipe(path=str(tmp_path / "in"), **{key: value for key, value in keys.items() if key != "format"}),))[0])  # type: ignore[arg-type]
