import os
import re
import socket
from pathlib import Path

import pyarrow as pa
import pytest

from curate.errors import CurateError
from curate.read.files import list_files
from curate.read.recipe import InputRecipe
from shards.schemas import DOCUMENTS
from shards.write import write_set
from tests.curate.read.inputs import curate, faults, names, write


def test_a_file_is_read_once_despite_loops_of_links_and_several_paths(tmp_path: Path) -> None:
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


def test_a_link_to_a_parent_folder_reads_its_files_but_nothing_twice(tmp_path: Path) -> None:
    write(tmp_path / "top", "a.txt", "in/b.txt")
    (tmp_path / "top" / "in" / "up").symlink_to("..")
    assert names(tmp_path / "top" / "in") == ["b.txt", "up/a.txt"]


def test_hard_links_count_as_separate_files(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.txt")
    os.link(folder / "a.txt", folder / "b.txt")
    (folder / "c.txt").symlink_to("b.txt")
    assert names(folder) == ["a.txt", "b.txt"]


def test_a_link_whose_name_shows_the_format_wins_over_a_file_whose_name_does_not(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "blobs/0a1b2c")
    (folder / "blobs" / "0a1b2c").write_text('{"text": "a"}\n')
    (folder / "snapshots").mkdir()
    (folder / "snapshots" / "train.jsonl").symlink_to("../blobs/0a1b2c")
    assert [(file.name, file.format) for file in list_files((InputRecipe(path=str(folder)),))[0]] == [("snapshots/train.jsonl", "jsonl")]


def test_pipes_sockets_and_devices_are_counted_and_never_opened(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", "a.txt")
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "device.txt").symlink_to("/dev/zero")
    server = socket.socket(socket.AF_UNIX)
    before = os.getcwd()
    os.chdir(folder)  # a socket's path is short
    try:
        server.bind("socket.txt")
    finally:
        os.chdir(before)
        server.close()
    files, passed_over = list_files((InputRecipe(path=str(folder)),))
    assert [file.name for file in files] == ["a.txt"] and passed_over == {"a pipe": 1, "a socket": 1, "a device": 1}
    for path, kind in [(folder / "pipe.jsonl", "a pipe"), ("/dev/zero", "a device")]:
        with pytest.raises(CurateError, match=f"this is {kind}; only files and folders"):
            names(path)
    assert names(str(folder) + "/*") == ["a.txt"]


def test_unreadable_entries_are_faults_and_all_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert re.search(r"read +1 documents", output)
    assert "gone.txt: a broken link (No such file or directory)" in output
    assert "closed: cannot be listed (Permission denied)" in output


def test_leftovers_of_a_killed_run_are_not_read(tmp_path: Path) -> None:
    left = write(tmp_path / "in" / "out" / "work", "measure-0123456789abcdef/00000-documents-0.txt", ".lock")
    folder = write(left.parent.parent, "a.txt", "work/c.txt")
    assert names(folder) == ["a.txt", "work/c.txt"]


def test_a_shard_set_given_as_input_is_read_without_its_manifest(tmp_path: Path) -> None:
    row = {name: None for name in DOCUMENTS.names} | {"id": bytes(16), "text": "a"}
    write_set(tmp_path / "set", "documents", DOCUMENTS, [pa.RecordBatch.from_pylist([row], schema=DOCUMENTS)])
    files, _ = list_files((InputRecipe(path=str(tmp_path / "set")),))
    assert [file.format for file in files] == ["arrow"]
    assert names(str(tmp_path / "set" / "*.arrow")) == [file.name for file in files]
