import logging

from train.save.files import copy_files


def test_a_file_whose_name_no_record_can_hold_is_left_out_with_a_warning(tmp_path, caplog):
    (tmp_path / "base").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "base" / "LICENSE").write_text("a")
    (tmp_path / "base" / "LICENSE (copy)").write_text("b")
    with caplog.at_level(logging.WARNING):
        copy_files(tmp_path / "base", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["LICENSE"]
    assert "LICENSE (copy): not copied" in caplog.text


def test_a_cache_of_links_is_copied_as_files(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "blob").write_text("{}")
    (tmp_path / "base" / "tokenizer.json").symlink_to(tmp_path / "blob")
    copy_files(tmp_path / "base", tmp_path / "out")
    copied = tmp_path / "out" / "tokenizer.json"
    assert not copied.is_symlink() and copied.read_text() == "{}"
