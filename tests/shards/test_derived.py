import logging

import pytest

from shards.derived import RECORD, drop_derived, write_derived
from shards.record import write_record


def test_derived_files_are_deleted_and_no_others(tmp_path):
    write_derived(tmp_path, tmp_path / "report.html", b"figures")
    write_derived(tmp_path, tmp_path / "README.md", b"card")
    (tmp_path / "notes.html").write_text("mine")
    drop_derived(tmp_path, "make it again")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".cptkit-files", "notes.html"]
    drop_derived(tmp_path, "make it again")


def test_an_edited_page_is_kept_and_reported(tmp_path, caplog):
    write_derived(tmp_path, tmp_path / "README.md", b"card")
    (tmp_path / "README.md").write_bytes(b"card, with my words")
    caplog.set_level(logging.INFO)
    drop_derived(tmp_path, "make it again with X")
    assert (tmp_path / "README.md").read_bytes() == b"card, with my words"
    assert "README.md was edited and is kept" in caplog.text and "make it again with X" in caplog.text


def test_a_page_written_elsewhere_is_not_recorded(tmp_path):
    (tmp_path / "run").mkdir()
    write_derived(tmp_path / "run", tmp_path / "page.html", b"figures")
    drop_derived(tmp_path / "run", "")
    assert (tmp_path / "page.html").exists() and not (tmp_path / "run" / RECORD).exists()


@pytest.mark.parametrize("name", ["../page.html", "/etc/hostname", "sub/page.html", ".."])
def test_a_record_that_names_a_place_outside_deletes_nothing(tmp_path, name):
    (tmp_path / "run" / "sub").mkdir(parents=True)
    for path in (tmp_path / "page.html", tmp_path / "run" / "sub" / "page.html"):
        path.write_bytes(b"")
    write_record(tmp_path / "run" / RECORD, {"files": {name: "99aa06d3014798d86001c324468d497f"}})  # the checksum of nothing
    drop_derived(tmp_path / "run", "")
    assert (tmp_path / "page.html").exists() and (tmp_path / "run" / "sub" / "page.html").exists()


def test_a_damaged_record_deletes_nothing(tmp_path, caplog):
    write_derived(tmp_path, tmp_path / "report.html", b"figures")
    (tmp_path / RECORD).write_text("{}")
    drop_derived(tmp_path, "")
    assert (tmp_path / "report.html").exists() and "the files it lists are left alone" in caplog.text
