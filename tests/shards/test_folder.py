"""What in an output folder is ours."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from shards.errors import ShardError
from shards.folder import RECORD_NAME, claim, holds_nothing, output_folder, read_names, recorded, remove_recorded, tidy_finished, write_owned, write_page
from shards.record import sealed

BATCH = pa.record_batch([pa.array([1, 2, 3], pa.int64())], names=["n"])


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_claimed_name_is_ours_and_an_existing_file_never_is(tmp_path):
    (tmp_path / "mine.json").write_text("mine")
    with pytest.raises(
        ShardError,
        match=r"mine.json: already exists, and no record shows that cptkit wrote it; move it, .*if an earlier version wrote it, you may delete it",
    ):
        write_owned(tmp_path / "mine.json", b"{}")
    write_owned(tmp_path / "ours.json", b"1")
    write_owned(tmp_path / "ours.json", b"2")
    assert (tmp_path / "ours.json").read_bytes() == b"2" and (tmp_path / "mine.json").read_text() == "mine"
    assert recorded(tmp_path) == {"ours.json"}


def test_the_record_is_sorted_and_holds_what_is_there_at_the_end_of_a_run(tmp_path):
    with output_folder(tmp_path / "out"):
        claim(tmp_path / "out", ["z", "never written"])
        for name in ("b", "a", "z"):
            write_owned(tmp_path / "out" / name, b"")
    assert read_names(tmp_path / "out" / RECORD_NAME) == ["a", "b", "z"]
    assert files(tmp_path / "out") == [RECORD_NAME, "a", "b", "z"]
    with output_folder(tmp_path / "out"):
        for name in ("a", "b", "z"):
            remove_recorded(tmp_path / "out", name)
    assert not (tmp_path / "out").exists() or files(tmp_path / "out") == []


def test_temporary_files_of_a_killed_run_are_deleted_at_the_next_start_and_foreign_ones_stay(tmp_path):
    claim(tmp_path, ["a.json", "sub/b.json"])
    (tmp_path / "sub").mkdir()
    ours, mine = [".a.json.12.34.tmp", ".a.json.99.tmp", "sub/.b.json.1.2.tmp"], [".c.json.12.34.tmp", ".a.json.tmp", "a.json.12.tmp", "sub/.a.json.1.tmp"]
    for name in (*ours, *mine):
        (tmp_path / name).write_text("")
    with output_folder(tmp_path):
        assert files(tmp_path) == sorted([*mine, ".cptkit.lock"])  # the record had names of files that never came


def test_a_record_does_not_lead_out_of_its_folder(tmp_path):
    (tmp_path / "outside").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path / "elsewhere")
    lines = ["../outside", str(tmp_path / "outside"), "x/../../outside", "link/a", 7, None, "fine"]
    (out / RECORD_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines) + '"cut by a ki')
    assert recorded(out) == {"link/a", "fine"}
    for name in ("..", "link", "link/a", "fine"):
        remove_recorded(out, name)
    assert (tmp_path / "outside").exists() and (tmp_path / "elsewhere" / "a").exists()


def test_a_record_cut_by_a_kill_loses_no_name_added_later(tmp_path):
    (tmp_path / RECORD_NAME).write_text('"a.json"\n"b.js')
    for name in ("a.json", "c.json"):
        claim(tmp_path, [name])
        (tmp_path / name).write_text("ours")
    assert recorded(tmp_path) == {"a.json", "c.json"}
    claim(tmp_path, ["c.json"])


@pytest.mark.parametrize("content", ["", '"a.js'])
def test_a_record_cut_before_its_first_name_counts_as_empty_and_is_deleted(tmp_path, content):
    (tmp_path / RECORD_NAME).write_text(content)
    (tmp_path / f".{RECORD_NAME}.12.34.tmp").write_text("half")
    assert holds_nothing(tmp_path)
    with output_folder(tmp_path):
        assert files(tmp_path) == [".cptkit.lock"]
    (tmp_path / ".notes.12.tmp").write_text("mine")
    assert not holds_nothing(tmp_path)


KINDS = {
    "page": [b"<!doctype html><p>1", b"<!doctype html><p>2"],
    "card": [b"---\nlicence: a\n---\n", b"---\nlicence: bb\n---\n"],
    "figures": [b'{\n "tokenizer": "a"\n}\n', b'{\n "tokenizer": "b"\n}\n'],
    "other figures": [b'{"version": 1}', b'{"version": 2}'],
    "record": [sealed({"tokenizer": "a"}), sealed({"tokenizer": "b"})],
    "rules": [b"name: a\n", b"name: b\n"],
    "data": [b"ARROW1\0\0", b"ARROW1\0\1"],
    "empty": [b"", b""],
}


@pytest.mark.parametrize("name", KINDS)
def test_a_page_replaces_a_file_of_its_kind_and_no_other_file_of_ours(tmp_path, name):
    path = tmp_path / "out"
    for there, (old, _) in KINDS.items():
        write_owned(path, old)
        if there == name:
            write_page(path, KINDS[name][1])
            assert path.read_bytes() == KINDS[name][1]
        else:
            with pytest.raises(ShardError, match="out: contains something else that a cptkit command wrote; give another name"):
                write_page(path, KINDS[name][1])
            assert path.read_bytes() == old


def test_files_left_by_a_kill_at_the_very_end_are_deleted_unless_the_folder_is_held(tmp_path):
    write_owned(tmp_path / "report.json", b"{}")
    claim(tmp_path, ["card.md"])
    with output_folder(tmp_path):
        tidy_finished(tmp_path)
        assert (tmp_path / ".cptkit.lock").exists()
    (tmp_path / ".cptkit.lock").write_text("of a process that was killed")
    claim(tmp_path, ["page.html"])
    tidy_finished(tmp_path)
    assert files(tmp_path) == [RECORD_NAME, "report.json"] and recorded(tmp_path) == {"report.json"}
