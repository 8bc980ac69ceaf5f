import numpy as np
import pytest

from curate.signals import spacy_cache
from curate.signals.spacy_cache import cached_arrays


def test_arrays_are_made_once_and_read_from_disk_after_that(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(spacy_cache, "FOLDER", tmp_path / "cache")
    made = cached_arrays("spacy:en", lambda: {"one": np.arange(3), "two": np.array(7)})
    again = cached_arrays("spacy:en", lambda: pytest.fail("made twice"))
    assert made.keys() == again.keys()
    assert all(np.array_equal(made[name], again[name]) and made[name].dtype == again[name].dtype for name in made)


@pytest.mark.parametrize("content", [b"", b"half a fi", b"PK\x03\x04 not a zip after all"])
def test_a_damaged_file_is_made_again(tmp_path, monkeypatch: pytest.MonkeyPatch, content: bytes):
    monkeypatch.setattr(spacy_cache, "FOLDER", tmp_path)
    cached_arrays("spacy:de", lambda: {"one": np.arange(3)})
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    assert cached_arrays("spacy:de", lambda: {"one": np.arange(4)})["one"].tolist() == [0, 1, 2, 3]


def test_a_folder_that_cannot_be_written_to_only_costs_time(tmp_path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(spacy_cache, "FOLDER", tmp_path / "file" / "cache")
    assert cached_arrays("spacy:fr", lambda: {"one": np.arange(2)})["one"].tolist() == [0, 1]
