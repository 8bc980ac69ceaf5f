from pathlib import Path

import numpy as np
import pytest

from curate.kernels import kept_arrays as module
from curate.kernels.kept_arrays import kept_arrays


def test_arrays_are_made_once_and_read_from_disk_after_that(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FOLDER", tmp_path / "cache")
    made = kept_arrays("spacy:en", ["3.8"], lambda: {"one": np.arange(3), "two": np.array(7)})
    again = kept_arrays("spacy:en", ["3.8"], lambda: pytest.fail("made twice"))
    assert made.keys() == again.keys()
    assert all(np.array_equal(made[name], again[name]) and made[name].dtype == again[name].dtype for name in made)


@pytest.mark.parametrize("content", [b"", b"half a fi", b"PK\x03\x04 not a zip after all"])
def test_a_damaged_file_is_made_again(tmp_path, monkeypatch: pytest.MonkeyPatch, content: bytes):
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    kept_arrays("spacy:de", ["3.8"], lambda: {"one": np.arange(3)})
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    assert kept_arrays("spacy:de", ["3.8"], lambda: {"one": np.arange(4)})["one"].tolist() == [0, 1, 2, 3]


def test_a_folder_that_cannot_be_written_to_only_costs_time(tmp_path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(module, "FOLDER", tmp_path / "file" / "cache")
    assert kept_arrays("spacy:fr", ["3.8"], lambda: {"one": np.arange(2)})["one"].tolist() == [0, 1]


def test_what_was_made_from_something_else_is_made_again_and_takes_its_place(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    kept_arrays("letters", ["1.0"], lambda: {"one": np.arange(2)})
    assert kept_arrays("letters", ["1.1"], lambda: {"one": np.arange(5)})["one"].tolist() == [0, 1, 2, 3, 4]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_there_but_cannot_be_written_to_only_costs_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "FOLDER", Path("/proc/self"))  # nobody, root neither, can write here
    assert kept_arrays("spacy:fr", ["3.8"], lambda: {"one": np.arange(2)})["one"].tolist() == [0, 1]
